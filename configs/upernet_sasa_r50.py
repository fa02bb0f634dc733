# UperNet with SASA ResNet-50, convolutional stem, 160k. The paper (arXiv 1906.05909) has no result for it; the recipe
# is that of the other backbones (_base_/upernet_160k.py). No weights were released: training starts from random
# initialization.
_base_ = '_base_/upernet_160k.py'

model = dict(
    backbone=dict(_delete_=True, type='SASAResNet', depth=50, norm_cfg=dict(type='SyncBN')),
    decode_head=dict(in_channels=[256, 512, 1024, 2048]),
    auxiliary_head=dict(in_channels=1024),
)
