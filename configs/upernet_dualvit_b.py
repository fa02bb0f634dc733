# UperNet with Dual-ViT-B, 160k. Published: 51.7 mIoU on ADE20K (ImageNetModel, semantic_segmentation/README.md);
# 68.94 M parameters by the layer shapes. Recipe and weights as in upernet_dualvit_s.py.
_base_ = 'upernet_dualvit_s.py'

model = dict(
    backbone=dict(arch='base', drop_path_rate=0.3, init_cfg=dict(checkpoint='dualvit-b')),
    decode_head=dict(in_channels=[64, 128, 320, 512]),
    auxiliary_head=dict(in_channels=320),
)
