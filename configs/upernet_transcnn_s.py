# UperNet with TransCNN-Small, 160k. No ADE20K figures were published. Recipe as in upernet_transcnn_t.py.
_base_ = 'upernet_transcnn_t.py'

model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint='transcnn-s')),
    decode_head=dict(in_channels=[64, 128, 256, 512]),
    auxiliary_head=dict(in_channels=256),
)
