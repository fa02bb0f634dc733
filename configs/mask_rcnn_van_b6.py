# Mask R-CNN with VAN-B6, 1x: no published result. Recipe as in mask_rcnn_van_t.py.
_base_ = 'mask_rcnn_van_t.py'

model = dict(
    backbone=dict(arch='b6', drop_path_rate=0.5, init_cfg=dict(checkpoint='van-b6-22k')),
    neck=dict(in_channels=[96, 192, 384, 768]),
)
