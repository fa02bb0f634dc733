# Semantic FPN on ADE20K: 512x512 crops, batch 32, 40,000 iterations, polynomial decay (PVT's recipe).
_base_ = [
    'mmseg::_base_/models/fpn_r50.py',
    'mmseg::_base_/schedules/schedule_40k.py',
    'ade20k.py',
]

model = dict(
    pretrained=None,
    data_preprocessor=dict(size=(512, 512), test_cfg=dict(size=(32, 32))),  # crops; the smallest input of a backbone
    decode_head=dict(num_classes=150),
)

optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=2e-4, weight_decay=1e-4))
param_scheduler = [dict(type='PolyLR', power=0.9, eta_min=0.0, by_epoch=False, begin=0, end=40000)]
train_dataloader = dict(batch_size=4)
auto_scale_lr = dict(enable=True, base_batch_size=32)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=3, save_best='mIoU'))
