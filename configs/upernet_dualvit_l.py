# UperNet with Dual-ViT-L, 160k: no published result. Recipe and weights as in upernet_dualvit_s.py, drop path of B.
_base_ = 'upernet_dualvit_s.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.3, init_cfg=dict(checkpoint='dualvit-l')),
    decode_head=dict(in_channels=[96, 192, 384, 512]),
    auxiliary_head=dict(in_channels=384),
)
