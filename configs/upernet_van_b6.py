# UperNet with VAN-B6, ImageNet-22K weights, 160k. Published: 231 M parameters, 54.7 mIoU on ADE20K with several
# scales and flips (--tta; VAN-Segmentation, README.md). Recipe as in upernet_van_t.py.
_base_ = 'upernet_van_t.py'

model = dict(
    backbone=dict(arch='b6', drop_path_rate=0.5, init_cfg=dict(checkpoint='van-b6-22k')),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
    auxiliary_head=dict(in_channels=384),
)
