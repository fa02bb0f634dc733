# RetinaNet with Dual-ViT-B, 1x. Published: 47.4 AP on COCO val2017 (ImageNetModel, object_detection/README.md); 48.70 M
# parameters by the layer shapes. Recipe and weights as in retinanet_dualvit_s.py.
_base_ = 'retinanet_dualvit_s.py'

model = dict(backbone=dict(arch='base', init_cfg=dict(checkpoint='dualvit-b')), neck=dict(in_channels=[128, 320, 512]))
