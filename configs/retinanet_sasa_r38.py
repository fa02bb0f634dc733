# RetinaNet with SASA ResNet-38, convolutional stem, 1x. The paper has this depth on ImageNet only, 14.1 M parameters
# (arXiv 1906.05909, Table 1); otherwise as retinanet_sasa_r50.py.
_base_ = 'retinanet_sasa_r50.py'

model = dict(backbone=dict(depth=38))
