# RetinaNet with TransCNN-Small, 1x. No COCO figures were published; by its layer shapes it has 36.3 M parameters.
# Recipe as in retinanet_transcnn_t.py.
_base_ = 'retinanet_transcnn_t.py'

model = dict(
    backbone=dict(
        arch='small',
        init_cfg=dict(checkpoint='https://github.com/yun-liu/TransCNN/releases/download/v1.0/TransCNN-Small.pth')),
    neck=dict(in_channels=[128, 256, 512]))
