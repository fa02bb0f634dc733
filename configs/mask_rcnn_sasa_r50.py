# Mask R-CNN with SASA ResNet-50, convolutional stem, 1x. The paper (arXiv 1906.05909) has no result for it; the recipe
# is that of the other backbones (_base_/schedule_1x.py). No weights were released: training starts from random
# initialization, so no batch norm may be frozen.
_base_ = '_base_/mask_rcnn_1x.py'

model = dict(backbone=dict(_delete_=True, type='SASAResNet', depth=50), neck=dict(in_channels=[256, 512, 1024, 2048]))
