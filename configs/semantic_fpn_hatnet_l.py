# Semantic FPN with HAT-Net-Large, 40k. No ADE20K figures were published; by its layer shapes it has 66.8 M
# parameters. Recipe as in semantic_fpn_hatnet_t.py.
_base_ = 'semantic_fpn_hatnet_t.py'

model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint='hatnet-l')), neck=dict(in_channels=[64, 128, 320, 640])
)
