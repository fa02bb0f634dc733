# Semantic FPN with VAN-B2, 40k. Published: 30 M parameters, 46.7 mIoU on ADE20K (VAN, arXiv 2202.09741, Table 12).
# Recipe as in semantic_fpn_van_t.py.
_base_ = 'semantic_fpn_van_t.py'

model = dict(backbone=dict(arch='base', init_cfg=dict(checkpoint='van-b2')), neck=dict(in_channels=[64, 128, 320, 512]))
