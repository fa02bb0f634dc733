# Mask R-CNN with SASA ResNet-38, convolutional stem, 1x: no published result. Otherwise as mask_rcnn_sasa_r50.py.
_base_ = 'mask_rcnn_sasa_r50.py'

model = dict(backbone=dict(depth=38))
