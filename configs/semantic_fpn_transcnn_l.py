# Semantic FPN with TransCNN-Large, 40k. No ADE20K figures were published. Recipe as in semantic_fpn_transcnn_t.py.
_base_ = 'semantic_fpn_transcnn_t.py'

model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint='transcnn-l')), neck=dict(in_channels=[64, 128, 384, 768])
)
