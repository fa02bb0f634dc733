# RetinaNet with VAN-B3, 1x. Published: 54.5 M parameters, 47.5 AP on COCO val2017 (VAN, arXiv 2202.09741, Table 9).
# Recipe as in retinanet_van_t.py.
_base_ = 'retinanet_van_t.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.3, init_cfg=dict(checkpoint='van-b3')),
    neck=dict(in_channels=[128, 320, 512]),
)
