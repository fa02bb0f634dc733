# UperNet on ADE20K: 512x512 crops, batch 16, 160,000 iterations, polynomial decay.
_base_ = [
    'mmseg::_base_/models/upernet_r50.py',
    'mmseg::_base_/schedules/schedule_160k.py',
    'ade20k.py',
]

model = dict(
    pretrained=None,
    data_preprocessor=dict(size=(512, 512), test_cfg=dict(size=(32, 32))),  # crops; the smallest input of a backbone
    decode_head=dict(num_classes=150),
    auxiliary_head=dict(num_classes=150),
)

# No weight decay on norms.
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-5, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(norm=dict(decay_mult=0.0))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=1500, end=160000),
]
train_dataloader = dict(batch_size=2)
auto_scale_lr = dict(enable=True, base_batch_size=16)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3, save_best='mIoU'))
