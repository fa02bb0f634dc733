# RetinaNet with attention throughout, as published: 22.0 M parameters, 36.6 AP on COCO val2017 (arXiv 1906.05909, Table
# 2, last row). Model as retinanet_sasa_r50_full.py, recipe as retinanet_sasa_r50_150e.py.
_base_ = 'retinanet_sasa_r50_150e.py'

conv_cfg = dict(type='LocalAttention', kernel_size=7, heads=8)
model = dict(backbone=dict(stem='attention'), neck=dict(conv_cfg=conv_cfg), bbox_head=dict(conv_cfg=conv_cfg))
