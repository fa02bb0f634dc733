# RetinaNet with VAN-B5, 1x: no published result. Recipe as in retinanet_van_t.py; drop path of the authors' UperNet
# config. The authors' weights must be downloaded manually, see docs/weights.md.
_base_ = 'retinanet_van_t.py'

model = dict(
    backbone=dict(arch='b5', drop_path_rate=0.4, init_cfg=dict(checkpoint='van-b5-22k')),
    neck=dict(in_channels=[192, 480, 768]),
)
