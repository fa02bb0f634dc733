# RetinaNet with Dual-ViT-S, 1x. Published: 46.2 AP on COCO val2017 (ImageNetModel, object_detection/README.md); 31.83 M
# parameters by the layer shapes. Recipe: the authors' config there, half precision included; a machine without a GPU
# trains in float32. The stem's norms keep their pre-trained weight and bias.
# The authors' weights must be downloaded manually, see docs/weights.md; to train without them, see docs/dualvit.md.
_base_ = '_base_/retinanet_1x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='DualViT',
        arch='small',
        out_indices=(1, 2, 3),
        drop_path_rate=0.15,
        norm_cfg=dict(type='BN', requires_grad=False),
        init_cfg=dict(type='Pretrained', checkpoint='dualvit-s'),
    ),
    neck=dict(in_channels=[128, 320, 448]),
)
optim_wrapper = dict(type='AmpOptimWrapper', loss_scale=512.0, optimizer=dict(weight_decay=1e-4))
