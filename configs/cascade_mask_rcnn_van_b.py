# Cascade Mask R-CNN with VAN-B2, 3x. Published: 84 M parameters, 52.0 box AP on COCO val2017 (VAN, arXiv 2202.09741,
# Table 11). Recipe: Section 4.2 there, AdamW 1e-4 and weight decay 0.05, several scales as Swin's; the code was never
# released.
_base_ = '_base_/cascade_mask_rcnn_3x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VAN',
        arch='base',
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='van-b2'),
    ),
    neck=dict(in_channels=[64, 128, 320, 512]),
)
