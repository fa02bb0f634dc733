# UperNet with VAN-B4, 160k. Published: 90 M parameters, 52.2 mIoU on ADE20K with several scales and flips (--tta;
# VAN-Segmentation, README.md). Recipe as in upernet_van_t.py, with batches of 32.
_base_ = 'upernet_van_t.py'

model = dict(
    backbone=dict(arch='b4', drop_path_rate=0.4, init_cfg=dict(checkpoint='van-b4')),
    decode_head=dict(in_channels=[64, 128, 320, 512]),
    auxiliary_head=dict(in_channels=320),
)
train_dataloader = dict(batch_size=4)
auto_scale_lr = dict(base_batch_size=32)
