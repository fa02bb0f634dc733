# Mask R-CNN with VAN-B0 for the demo: narrower than mask_rcnn_van_t.py (pyramid and heads 64 wide instead of 256, 3
# levels from stride 8 instead of 5 from stride 4, 2 mask convolutions instead of 4, 64 sampled regions per image
# instead of 512), from random weights, for 128x128 images of the generated data set and two CPU cores.
_base_ = 'mask_rcnn_van_t.py'

width, strides = 64, [8, 16, 32]
model = dict(
    backbone=dict(out_indices=(1, 2, 3), drop_path_rate=0.0, init_cfg=None),
    neck=dict(in_channels=[64, 160, 256], out_channels=width, num_outs=3),
    rpn_head=dict(in_channels=width, feat_channels=width, anchor_generator=dict(scales=[3], strides=strides)),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=width, featmap_strides=strides, finest_scale=28),
        bbox_head=dict(in_channels=width, fc_out_channels=256),
        mask_roi_extractor=dict(out_channels=width, featmap_strides=strides, finest_scale=28),
        mask_head=dict(in_channels=width, conv_out_channels=width, num_convs=2),
    ),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)), rpn_proposal=dict(nms_pre=200, max_per_img=100), rcnn=dict(sampler=dict(num=64))
    ),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100), rcnn=dict(max_per_img=20)),
)

# Images keep the size that they have in the data set.
scale = (128, 128)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=size, keep_ratio=True) for size in (scale, (64, 64), (192, 192))],
            [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)],
            [dict(type='LoadAnnotations', with_bbox=True)],
            [
                dict(
                    type='PackDetInputs',
                    meta_keys=(
                        'img_id',
                        'img_path',
                        'ori_shape',
                        'img_shape',
                        'scale_factor',
                        'flip',
                        'flip_direction',
                    ),
                )
            ],
        ],
    ),
]
train_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(pipeline=test_pipeline))

train_cfg = dict(max_epochs=3, val_interval=1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=3, T_max=3),
]
optim_wrapper = dict(optimizer=dict(lr=1e-3), clip_grad=dict(max_norm=10))
auto_scale_lr = dict(base_batch_size=8)
