# Semantic FPN with VAN-B0, 40k. Published: 8 M parameters, 38.5 mIoU on ADE20K (VAN, arXiv 2202.09741, Table 12).
# Recipe: the authors' config (VAN-Segmentation, configs/sem_fpn).
_base_ = '_base_/semantic_fpn_40k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VAN',
        arch='tiny',
        drop_path_rate=0.2,
        norm_cfg=dict(type='SyncBN'),
        init_cfg=dict(type='Pretrained', checkpoint='van-b0'),
    ),
    neck=dict(in_channels=[32, 64, 160, 256]),
)
