# UperNet with TransCNN-Tiny, 160k. No ADE20K figures were published. Recipe: that of VAN's and Dual-ViT's authors for
# this segmentor, for comparison; drop path is PVT's default.
_base_ = '_base_/upernet_160k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='TransCNN',
        arch='tiny',
        drop_path_rate=0.1,
        norm_cfg=dict(type='SyncBN'),
        init_cfg=dict(type='Pretrained', checkpoint='transcnn-t'),
    ),
    decode_head=dict(in_channels=[64, 128, 256, 512]),
    auxiliary_head=dict(in_channels=256),
)
