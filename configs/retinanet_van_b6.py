# RetinaNet with VAN-B6, 1x: no published result. Recipe as in retinanet_van_t.py; drop path of the authors' UperNet
# config. The authors' weights must be downloaded manually, see docs/weights.md.
_base_ = 'retinanet_van_t.py'

model = dict(
    backbone=dict(arch='b6', drop_path_rate=0.5, init_cfg=dict(checkpoint='van-b6-22k')),
    neck=dict(in_channels=[192, 384, 768]),
)
