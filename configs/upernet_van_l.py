# UperNet with VAN-B3, 160k. Published: 75 M parameters, 50.6 mIoU on ADE20K with several scales and flips (--tta;
# VAN-Segmentation, README.md). Recipe as in upernet_van_t.py.
_base_ = 'upernet_van_t.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.3, init_cfg=dict(checkpoint='van-b3')),
    decode_head=dict(in_channels=[64, 128, 320, 512]),
    auxiliary_head=dict(in_channels=320),
)
