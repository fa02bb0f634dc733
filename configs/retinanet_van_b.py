# RetinaNet with VAN-B2, 1x. Published: 36.3 M parameters, 44.9 AP on COCO val2017 (VAN, arXiv 2202.09741, Table 9).
# Recipe as in retinanet_van_t.py.
_base_ = 'retinanet_van_t.py'

model = dict(
    backbone=dict(arch='base', init_cfg=dict(checkpoint='van-b2')),
    neck=dict(in_channels=[128, 320, 512]),
)
