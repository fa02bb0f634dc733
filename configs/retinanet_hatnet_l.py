# RetinaNet with HAT-Net-Large, 1x. No COCO figures were published; by its layer shapes it has 73.1 M parameters.
# Recipe as in retinanet_hatnet_t.py.
_base_ = 'retinanet_hatnet_t.py'

model = dict(backbone=dict(arch='large', init_cfg=dict(checkpoint='hatnet-l')), neck=dict(in_channels=[128, 320, 640]))
