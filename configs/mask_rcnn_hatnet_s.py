# Mask R-CNN with HAT-Net-Small, 1x. No COCO figures were published; by its layer shapes it has 45.4 M parameters.
# Recipe as in mask_rcnn_hatnet_t.py.
_base_ = 'mask_rcnn_hatnet_t.py'

model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint='hatnet-s')), neck=dict(in_channels=[64, 128, 320, 512])
)
