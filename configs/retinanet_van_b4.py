# RetinaNet with VAN-B4, 1x: no published row. Recipe as retinanet_van_b.py; drop path of the authors' UperNet config.
# The authors publish the weights for download by hand only, see docs/weights.md.
_base_ = '_base_/retinanet_1x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VAN',
        arch='b4',
        out_indices=(1, 2, 3),
        drop_path_rate=0.4,
        init_cfg=dict(type='Pretrained', checkpoint='van-b4'),
    ),
    neck=dict(in_channels=[128, 320, 512]),
)
