# Semantic FPN with TransCNN-Tiny, 40k. No ADE20K figures were published. Recipe: PVT's, whose settings the authors
# say they follow; drop path is PVT's default.
_base_ = '_base_/semantic_fpn_40k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='TransCNN',
        arch='tiny',
        drop_path_rate=0.1,
        norm_cfg=dict(type='SyncBN'),
        init_cfg=dict(type='Pretrained', checkpoint='transcnn-t'),
    ),
    neck=dict(in_channels=[64, 128, 256, 512]),
)
