# RetinaNet with VAN-B1, 1x. Published: 23.6 M parameters, 42.3 AP on COCO val2017 (VAN, arXiv 2202.09741, Table 9).
# Recipe as in retinanet_van_t.py.
_base_ = 'retinanet_van_t.py'

model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint='van-b1')),
    neck=dict(in_channels=[128, 320, 512]),
)
