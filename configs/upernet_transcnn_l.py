# UperNet with TransCNN-Large, 160k. No ADE20K figures were published. Recipe as in upernet_transcnn_t.py.
_base_ = 'upernet_transcnn_t.py'

model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint='transcnn-l')),
    decode_head=dict(in_channels=[64, 128, 384, 768]),
    auxiliary_head=dict(in_channels=384),
)
