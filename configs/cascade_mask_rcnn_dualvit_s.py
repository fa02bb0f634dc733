# Cascade Mask R-CNN with Dual-ViT-S, 3x. Published: 52.4 box AP on COCO val2017 (ImageNetModel,
# object_detection/README.md). Recipe: the authors' config there, half precision included. Weights: see
# retinanet_dualvit_s.py.
_base_ = '_base_/cascade_mask_rcnn_3x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='DualViT',
        arch='small',
        drop_path_rate=0.15,
        norm_cfg=dict(type='BN', requires_grad=False),
        init_cfg=dict(type='Pretrained', checkpoint='dualvit-s'),
    ),
    neck=dict(in_channels=[64, 128, 320, 448]),
)
optim_wrapper = dict(
    type='AmpOptimWrapper', loss_scale=512.0, paramwise_cfg=dict(custom_keys=dict(norm=dict(decay_mult=0.0)))
)
