# Semantic FPN with SASA ResNet-50, convolutional stem, 40k. The paper (arXiv 1906.05909) has no result for it; the
# recipe is that of the other backbones (_base_/semantic_fpn_40k.py). No weights were released: training starts from
# random initialization.
_base_ = '_base_/semantic_fpn_40k.py'

model = dict(
    backbone=dict(_delete_=True, type='SASAResNet', depth=50, norm_cfg=dict(type='SyncBN')),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
)
