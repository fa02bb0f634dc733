# Mask R-CNN with VAN-B5, 1x: no published result. Recipe as in mask_rcnn_van_t.py.
_base_ = 'mask_rcnn_van_t.py'

model = dict(
    backbone=dict(arch='b5', drop_path_rate=0.4, init_cfg=dict(checkpoint='van-b5-22k')),
    neck=dict(in_channels=[96, 192, 480, 768]),
)
