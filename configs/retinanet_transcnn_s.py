# RetinaNet with TransCNN-Small, 1x. No COCO figures were published; by its layer shapes it has 36.3 M parameters.
# Recipe as in retinanet_transcnn_t.py.
_base_ = 'retinanet_transcnn_t.py'

model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint='transcnn-s')), neck=dict(in_channels=[128, 256, 512])
)
