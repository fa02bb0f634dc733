# UperNet with HAT-Net-Tiny, 160k. No ADE20K figures were published. Recipe: that of VAN's and Dual-ViT's authors for
# this segmentor, for comparison; drop path is PVT's default.
_base_ = '_base_/upernet_160k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='HATNet',
        arch='tiny',
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='hatnet-t'),
    ),
    decode_head=dict(in_channels=[48, 96, 240, 384]),
    auxiliary_head=dict(in_channels=240),
)
