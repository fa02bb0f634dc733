# UperNet with HAT-Net-Large, 160k. No ADE20K figures were published. Recipe as in upernet_hatnet_t.py.
_base_ = 'upernet_hatnet_t.py'

model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint='hatnet-l')),
    decode_head=dict(in_channels=[64, 128, 320, 640]),
    auxiliary_head=dict(in_channels=320),
)
