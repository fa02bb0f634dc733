# RetinaNet with attention throughout (stem, backbone, feature pyramid and heads), 1x. Published for 150 epochs: 22.0 M
# parameters, 36.6 AP on COCO val2017 (arXiv 1906.05909, Table 2, last row); that schedule is
# retinanet_sasa_r50_full_150e.py. Attention of pyramid and heads: Appendix A.3; docs/sasa.md says what remains a
# convolution. Otherwise as retinanet_sasa_r50.py.
_base_ = 'retinanet_sasa_r50.py'

conv_cfg = dict(type='LocalAttention', kernel_size=7, heads=8)
model = dict(backbone=dict(stem='attention'), neck=dict(conv_cfg=conv_cfg), bbox_head=dict(conv_cfg=conv_cfg))
