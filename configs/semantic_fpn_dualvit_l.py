# Semantic FPN with Dual-ViT-L, 40k: no published result. Recipe and weights as in semantic_fpn_dualvit_s.py.
_base_ = 'semantic_fpn_dualvit_s.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.3, init_cfg=dict(checkpoint='dualvit-l')),
    neck=dict(in_channels=[96, 192, 384, 512]),
)
