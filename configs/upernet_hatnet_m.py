# UperNet with HAT-Net-Medium, 160k. No ADE20K figures were published. Recipe as in upernet_hatnet_t.py.
_base_ = 'upernet_hatnet_t.py'

model = dict(
    backbone=dict(arch='medium', init_cfg=dict(checkpoint='hatnet-m')),
    decode_head=dict(in_channels=[64, 128, 320, 512]),
    auxiliary_head=dict(in_channels=320),
)
