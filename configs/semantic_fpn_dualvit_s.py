# Semantic FPN with Dual-ViT-S, 40k: no published result. Recipe: PVT's for this segmentor, as for the other backbones
# here; half precision and drop path as in upernet_dualvit_s.py. Weights: see retinanet_dualvit_s.py.
_base_ = '_base_/semantic_fpn_40k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='DualViT',
        arch='small',
        drop_path_rate=0.15,
        norm_cfg=dict(type='SyncBN'),
        init_cfg=dict(type='Pretrained', checkpoint='dualvit-s'),
    ),
    neck=dict(in_channels=[64, 128, 320, 448]),
)
optim_wrapper = dict(type='AmpOptimWrapper', loss_scale=512.0)
