# UperNet with VAN-B1, 160k. Published: 44 M parameters, 44.9 mIoU on ADE20K with several scales and flips (--tta;
# VAN-Segmentation, README.md). Recipe as in upernet_van_t.py.
_base_ = 'upernet_van_t.py'

model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint='van-b1')),
    decode_head=dict(in_channels=[64, 128, 320, 512]),
    auxiliary_head=dict(in_channels=320),
)
