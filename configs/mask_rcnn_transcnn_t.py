# Mask R-CNN with TransCNN-Tiny, 1x. No COCO figures were published; by its layer shapes it has 33.0 M parameters.
# Recipe: PVT's (AdamW 2e-4, weight decay 1e-4), whose settings the authors say they follow; drop path is PVT's
# default.
_base_ = '_base_/mask_rcnn_1x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='TransCNN',
        arch='tiny',
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='transcnn-t'),
    ),
    neck=dict(in_channels=[64, 128, 256, 512]),
)
optim_wrapper = dict(optimizer=dict(lr=2e-4, weight_decay=1e-4))
