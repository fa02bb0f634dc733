# UperNet with the attention ResNet-26, convolutional stem, 160k: no published row. All else as in
# upernet_sasa_r50.py.
_base_ = 'upernet_sasa_r50.py'

model = dict(backbone=dict(depth=26))
