# Mask R-CNN with Dual-ViT-S, 1x. Published: 46.5 box AP, 42.2 mask AP on COCO val2017 (ImageNetModel,
# object_detection/README.md); 41.89 M parameters by the layer shapes. Recipe: the authors' config there, half precision
# included; a machine without a GPU trains in float32. The stem's norms keep their pre-trained weight and bias. Weights:
# see retinanet_dualvit_s.py.
_base_ = '_base_/mask_rcnn_1x.py'

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
optim_wrapper = dict(type='AmpOptimWrapper', loss_scale=512.0, optimizer=dict(lr=2e-4, weight_decay=1e-4))
