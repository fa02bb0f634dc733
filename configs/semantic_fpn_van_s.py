# Semantic FPN with VAN-B1, 40k. Published: 18 M parameters, 42.9 mIoU on ADE20K (VAN, arXiv 2202.09741, Table 12).
# Recipe as in semantic_fpn_van_t.py.
_base_ = 'semantic_fpn_van_t.py'

model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint='van-b1')), neck=dict(in_channels=[64, 128, 320, 512])
)
