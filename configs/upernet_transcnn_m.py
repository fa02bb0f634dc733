# UperNet with TransCNN-Medium, 160k. No ADE20K figures were published. Recipe as in upernet_transcnn_t.py.
_base_ = 'upernet_transcnn_t.py'

model = dict(
    backbone=dict(arch='medium', init_cfg=dict(checkpoint='transcnn-m')),
    decode_head=dict(in_channels=[64, 128, 320, 640]),
    auxiliary_head=dict(in_channels=320),
)
