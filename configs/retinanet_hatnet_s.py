# RetinaNet with HAT-Net-Small, 1x. No COCO figures were published; by its layer shapes it has 35.5 M parameters.
# Recipe as in retinanet_hatnet_t.py.
_base_ = 'retinanet_hatnet_t.py'

model = dict(backbone=dict(arch='small', init_cfg=dict(checkpoint='hatnet-s')), neck=dict(in_channels=[128, 320, 512]))
