# UperNet with SASA ResNet-26, convolutional stem, 160k: no published result. Otherwise as upernet_sasa_r50.py.
_base_ = 'upernet_sasa_r50.py'

model = dict(backbone=dict(depth=26))
