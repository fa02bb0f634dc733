# Mask R-CNN with Dual-ViT-B, 1x. Published: 48.4 box AP, 43.4 mask AP on COCO val2017 (ImageNetModel,
# object_detection/README.md); 58.62 M parameters by the layer shapes. Recipe and weights as in
# mask_rcnn_dualvit_s.py.
_base_ = 'mask_rcnn_dualvit_s.py'

model = dict(
    backbone=dict(arch='base', init_cfg=dict(checkpoint='dualvit-b')), neck=dict(in_channels=[64, 128, 320, 512])
)
