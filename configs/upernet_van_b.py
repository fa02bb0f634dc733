# UperNet with VAN-B2, 160k. Published: 57 M parameters, 50.1 mIoU on ADE20K with several scales and flips (--tta;
# VAN-Segmentation, README.md). Recipe as in upernet_van_t.py.
_base_ = 'upernet_van_t.py'

model = dict(
    backbone=dict(arch='base', init_cfg=dict(checkpoint='van-b2')),
    decode_head=dict(in_channels=[64, 128, 320, 512]),
    auxiliary_head=dict(in_channels=320),
)
