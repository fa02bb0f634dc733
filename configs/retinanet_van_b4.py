# RetinaNet with VAN-B4, 1x: no published result. Recipe as in retinanet_van_t.py; drop path of the authors' UperNet
# config. The authors' weights must be downloaded manually, see docs/weights.md.
_base_ = 'retinanet_van_t.py'

model = dict(
    backbone=dict(arch='b4', drop_path_rate=0.4, init_cfg=dict(checkpoint='van-b4')),
    neck=dict(in_channels=[128, 320, 512]),
)
