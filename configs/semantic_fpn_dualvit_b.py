# Semantic FPN with Dual-ViT-B, 40k: no published result. Recipe and weights as in semantic_fpn_dualvit_s.py.
_base_ = 'semantic_fpn_dualvit_s.py'

model = dict(
    backbone=dict(arch='base', drop_path_rate=0.3, init_cfg=dict(checkpoint='dualvit-b')),
    neck=dict(in_channels=[64, 128, 320, 512]),
)
