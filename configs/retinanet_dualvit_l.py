# RetinaNet with Dual-ViT-L, 1x: no published result (on ImageNet its drop path was 0.3; that of S and B was 0.15).
# Recipe and weights as in retinanet_dualvit_s.py.
_base_ = 'retinanet_dualvit_s.py'

model = dict(backbone=dict(arch='large', init_cfg=dict(checkpoint='dualvit-l')), neck=dict(in_channels=[192, 384, 512]))
