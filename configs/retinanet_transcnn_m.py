# RetinaNet with TransCNN-Medium, 1x. No COCO figures were published; by its layer shapes it has 58.3 M parameters.
# Recipe as in retinanet_transcnn_t.py.
_base_ = 'retinanet_transcnn_t.py'

model = dict(
    backbone=dict(arch='medium', init_cfg=dict(checkpoint='transcnn-m')), neck=dict(in_channels=[128, 320, 640])
)
