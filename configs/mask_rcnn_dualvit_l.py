# Mask R-CNN with Dual-ViT-L, 1x: no published result. Recipe and weights as in mask_rcnn_dualvit_s.py.
_base_ = 'mask_rcnn_dualvit_s.py'

model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint='dualvit-l')), neck=dict(in_channels=[96, 192, 384, 512])
)
