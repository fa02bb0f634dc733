# RetinaNet with SASA ResNet-26, convolutional stem, 1x. The paper has this depth on ImageNet only, 10.3 M parameters
# (arXiv 1906.05909, Table 1); otherwise as retinanet_sasa_r50.py.
_base_ = 'retinanet_sasa_r50.py'

model = dict(backbone=dict(depth=26))
