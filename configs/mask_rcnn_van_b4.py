# Mask R-CNN with VAN-B4, 1x: no published result. Recipe as in mask_rcnn_van_t.py.
_base_ = 'mask_rcnn_van_t.py'

model = dict(
    backbone=dict(arch='b4', drop_path_rate=0.4, init_cfg=dict(checkpoint='van-b4')),
    neck=dict(in_channels=[64, 128, 320, 512]),
)
