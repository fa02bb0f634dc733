# Semantic FPN with HAT-Net-Tiny, 40k. No ADE20K figures were published; by its layer shapes it has 16.5 M parameters.
# Recipe: PVT's, whose settings the authors say they follow; drop path is PVT's default.
_base_ = '_base_/semantic_fpn_40k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='HATNet',
        arch='tiny',
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='hatnet-t'),
    ),
    neck=dict(in_channels=[48, 96, 240, 384]),
)
