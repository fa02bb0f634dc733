# Mask R-CNN with HAT-Net-Large, 1x. No COCO figures were published; by its layer shapes it has 82.7 M parameters.
# Recipe as in mask_rcnn_hatnet_t.py.
_base_ = 'mask_rcnn_hatnet_t.py'

model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint='hatnet-l')), neck=dict(in_channels=[64, 128, 320, 640])
)
