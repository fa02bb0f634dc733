# UperNet with VAN-B5, ImageNet-22K weights, 160k. Published: 117 M parameters, 53.9 mIoU on ADE20K with several
# scales and flips (--tta; VAN-Segmentation, README.md). By the layer shapes it has 121.9 M parameters. Recipe as in
# upernet_van_t.py.
_base_ = 'upernet_van_t.py'

model = dict(
    backbone=dict(arch='b5', drop_path_rate=0.4, init_cfg=dict(checkpoint='van-b5-22k')),
    decode_head=dict(in_channels=[96, 192, 480, 768]),
    auxiliary_head=dict(in_channels=480),
)
