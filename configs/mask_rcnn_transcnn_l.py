# Mask R-CNN with TransCNN-Large, 1x. No COCO figures were published; by its layer shapes it has 99.5 M parameters.
# Recipe as in mask_rcnn_transcnn_t.py.
_base_ = 'mask_rcnn_transcnn_t.py'

model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint='transcnn-l')), neck=dict(in_channels=[64, 128, 384, 768])
)
