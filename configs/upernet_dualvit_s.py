# UperNet with Dual-ViT-S, 160k. Published: 49.2 mIoU on ADE20K (ImageNetModel, semantic_segmentation/README.md); 51.8 M
# parameters by the layer shapes. Recipe: the authors' config there, half precision included; their resizing of test
# images to sizes that suit the network is not needed here. Weights: see retinanet_dualvit_s.py.
_base_ = '_base_/upernet_160k.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='DualViT',
        arch='small',
        drop_path_rate=0.15,
        norm_cfg=dict(type='SyncBN'),
        init_cfg=dict(type='Pretrained', checkpoint='dualvit-s'),
    ),
    decode_head=dict(in_channels=[64, 128, 320, 448]),
    auxiliary_head=dict(in_channels=320),
)
optim_wrapper = dict(type='AmpOptimWrapper', loss_scale=512.0)
