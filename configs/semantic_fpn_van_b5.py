# Semantic FPN with VAN-B5, 40k: no published result. Recipe as in semantic_fpn_van_t.py; drop path of the authors'
# UperNet config.
_base_ = 'semantic_fpn_van_t.py'

model = dict(
    backbone=dict(arch='b5', drop_path_rate=0.4, init_cfg=dict(checkpoint='van-b5-22k')),
    neck=dict(in_channels=[96, 192, 480, 768]),
)
