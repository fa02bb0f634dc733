# RetinaNet with HAT-Net-Medium, 1x. No COCO figures were published; by its layer shapes it has 52.7 M parameters.
# Recipe as in retinanet_hatnet_t.py.
_base_ = 'retinanet_hatnet_t.py'

model = dict(backbone=dict(arch='medium', init_cfg=dict(checkpoint='hatnet-m')), neck=dict(in_channels=[128, 320, 512]))
