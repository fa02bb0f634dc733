# UperNet with VAN-B0 for the demo: narrower than upernet_van_t.py (heads 96 wide instead of 512, the auxiliary one 32
# instead of 256), from random weights, for 128x128 images of the generated data set and two CPU cores. There is no
# dropout and no color augmentation, so that a few minutes are enough.
_base_ = 'upernet_van_t.py'

scale = (128, 128)
model = dict(
    data_preprocessor=dict(size=scale),
    backbone=dict(drop_path_rate=0.0, norm_cfg=dict(type='BN'), init_cfg=None),
    decode_head=dict(channels=96, dropout_ratio=0.0),
    auxiliary_head=dict(channels=32),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=scale, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=scale, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(type='PackSegInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(side, side), keep_ratio=True) for side in (64, 96, 128, 160, 192, 224)],
            [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0, direction='horizontal')],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=8, num_workers=1, sampler=dict(type='DefaultSampler'), dataset=dict(pipeline=train_pipeline)
)
val_dataloader = dict(num_workers=1, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(num_workers=1, dataset=dict(pipeline=test_pipeline))

train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=4, val_interval=2)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=4, T_max=4),
]
optim_wrapper = dict(optimizer=dict(lr=2e-3), clip_grad=dict(max_norm=10))
auto_scale_lr = dict(base_batch_size=8)
default_hooks = dict(checkpoint=dict(by_epoch=True, interval=1))
log_processor = dict(by_epoch=True)
