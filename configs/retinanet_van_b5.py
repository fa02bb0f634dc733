# RetinaNet with VAN-B5, 1x: no published row. Recipe as retinanet_van_b.py; drop path of the authors' UperNet config.
# The authors publish the weights for download by hand only, see docs/weights.md.
_base_ = '_base_/retinanet_1x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VAN',
        arch='b5',
        out_indices=(1, 2, 3),
        drop_path_rate=0.4,
        init_cfg=dict(type='Pretrained', checkpoint='van-b5-22k'),
    ),
    neck=dict(in_channels=[192, 480, 768]),
)
