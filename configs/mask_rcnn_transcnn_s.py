# Mask R-CNN with TransCNN-Small, 1x. No COCO figures were published; by its layer shapes it has 46.2 M parameters.
# Recipe as in mask_rcnn_transcnn_t.py.
_base_ = 'mask_rcnn_transcnn_t.py'

model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint='transcnn-s')), neck=dict(in_channels=[64, 128, 256, 512])
)
