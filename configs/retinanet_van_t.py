# RetinaNet with VAN-B0, 1x. Published: 13.4 M parameters, 38.8 AP on COCO val2017 (VAN, arXiv 2202.09741, Table 9).
# Recipe: Section 4.2 there, in _base_/schedule_1x.py. The detection code was never released, so the drop
# path is that of the authors' UperNet configs (VAN-Segmentation).
_base_ = '_base_/retinanet_1x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VAN',
        arch='tiny',
        out_indices=(1, 2, 3),
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='van-b0'),
    ),
    neck=dict(in_channels=[64, 160, 256]),
)
