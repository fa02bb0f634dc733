# Semantic FPN with VAN-B4, 40k: no published result. Recipe as in semantic_fpn_van_t.py.
_base_ = 'semantic_fpn_van_t.py'

model = dict(
    backbone=dict(arch='b4', drop_path_rate=0.4, init_cfg=dict(checkpoint='van-b4')),
    neck=dict(in_channels=[64, 128, 320, 512]),
)
