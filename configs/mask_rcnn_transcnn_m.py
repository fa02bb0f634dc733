# Mask R-CNN with TransCNN-Medium, 1x. No COCO figures were published; by its layer shapes it has 67.9 M parameters.
# Recipe as in mask_rcnn_transcnn_t.py.
_base_ = 'mask_rcnn_transcnn_t.py'

model = dict(
    backbone=dict(arch='medium', init_cfg=dict(checkpoint='transcnn-m')), neck=dict(in_channels=[64, 128, 320, 640])
)
