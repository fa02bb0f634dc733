# Semantic FPN with VAN-B3, 40k. Published: 49 M parameters, 48.1 mIoU on ADE20K (VAN, arXiv 2202.09741, Table 12).
# Recipe as in semantic_fpn_van_t.py.
_base_ = 'semantic_fpn_van_t.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.3, init_cfg=dict(checkpoint='van-b3')),
    neck=dict(in_channels=[64, 128, 320, 512]),
)
