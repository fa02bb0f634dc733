# UperNet with VAN-B0, 160k. Published: 32 M parameters, 41.1 mIoU on ADE20K with several scales and flips (--tta;
# VAN-Segmentation, README.md). Recipe: the authors' config there.
_base_ = '_base_/upernet_160k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VAN',
        arch='tiny',
        drop_path_rate=0.1,
        norm_cfg=dict(type='SyncBN'),
        init_cfg=dict(type='Pretrained', checkpoint='van-b0'),
    ),
    decode_head=dict(in_channels=[32, 64, 160, 256]),
    auxiliary_head=dict(in_channels=160),
)
