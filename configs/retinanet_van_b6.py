# RetinaNet with VAN-B6, 1x: no published row. Recipe as retinanet_van_b.py; drop path of the authors' UperNet config.
# The authors publish the weights for download by hand only, see docs/weights.md.
_base_ = '_base_/retinanet_1x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VAN',
        arch='b6',
        out_indices=(1, 2, 3),
        drop_path_rate=0.5,
        init_cfg=dict(type='Pretrained', checkpoint='van-b6-22k'),
    ),
    neck=dict(in_channels=[192, 384, 768]),
)
