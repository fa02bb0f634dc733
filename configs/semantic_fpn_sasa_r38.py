# Semantic FPN with SASA ResNet-38, convolutional stem, 40k: no published result. Otherwise as semantic_fpn_sasa_r50.py.
_base_ = 'semantic_fpn_sasa_r50.py'

model = dict(backbone=dict(depth=38))
