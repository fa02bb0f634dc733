# Mask R-CNN with the attention ResNet-38, convolutional stem, 1x: no published row. All else as in
# mask_rcnn_sasa_r50.py.
_base_ = 'mask_rcnn_sasa_r50.py'

model = dict(backbone=dict(depth=38))
