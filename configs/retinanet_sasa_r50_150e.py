# RetinaNet with SASA ResNet-50, convolutional stem, as published: 25.9 M parameters, 36.8 AP on COCO val2017 (arXiv
# 1906.05909, Table 2, second row).
# Recipe, Appendix A.3: learning rate 0.12 for batches of 64, one epoch of warm-up, cosine, 150 epochs; multi-scale
# jitter, crops of at most 640 pixels, flips. Not given there: momentum and weight decay, which are those of RetinaNet
# (arXiv 1708.02002, Section 4.1), and the range of the jitter and the test size, which are those of mmdet's NAS-FPN
# crop640 config.
_base_ = 'retinanet_sasa_r50.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomResize', scale=(640, 640), ratio_range=(0.8, 1.2), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(640, 640)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(640, 640), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

train_cfg = dict(max_epochs=150, val_interval=10)
param_scheduler = [
    # One epoch: 1833 batches of 64 of the 117,266 COCO images that have boxes.
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=1833),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=1, end=150, T_max=149),
]
optim_wrapper = dict(optimizer=dict(_delete_=True, type='SGD', lr=0.12, momentum=0.9, weight_decay=1e-4))
auto_scale_lr = dict(base_batch_size=64)
