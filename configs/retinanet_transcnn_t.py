# RetinaNet with TransCNN-Tiny, 1x. No COCO figures were published; by its layer shapes it has 23.0 M parameters.
# Recipe: PVT's (AdamW 1e-4, weight decay 1e-4), whose settings the authors say they follow; drop path is PVT's default.
_base_ = '_base_/retinanet_1x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='TransCNN',
        arch='tiny',
        out_indices=(1, 2, 3),
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='transcnn-t'),
    ),
    neck=dict(in_channels=[128, 256, 512]),
)
optim_wrapper = dict(optimizer=dict(weight_decay=1e-4))
