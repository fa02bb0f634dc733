# Semantic FPN with VAN-B6, 40k: no published result. Recipe as in semantic_fpn_van_t.py; drop path of the authors'
# UperNet config.
_base_ = 'semantic_fpn_van_t.py'

model = dict(
    backbone=dict(arch='b6', drop_path_rate=0.5, init_cfg=dict(checkpoint='van-b6-22k')),
    neck=dict(in_channels=[96, 192, 384, 768]),
)
