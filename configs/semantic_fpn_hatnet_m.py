# Semantic FPN with HAT-Net-Medium, 40k. No ADE20K figures were published; by its layer shapes it has 46.7 M
# parameters. Recipe as in semantic_fpn_hatnet_t.py.
_base_ = 'semantic_fpn_hatnet_t.py'

model = dict(
    backbone=dict(arch='medium', init_cfg=dict(checkpoint='hatnet-m')), neck=dict(in_channels=[64, 128, 320, 512])
)
