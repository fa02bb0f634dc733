# Semantic FPN with TransCNN-Medium, 40k. No ADE20K figures were published. Recipe as in semantic_fpn_transcnn_t.py.
_base_ = 'semantic_fpn_transcnn_t.py'

model = dict(
    backbone=dict(arch='medium', init_cfg=dict(checkpoint='transcnn-m')), neck=dict(in_channels=[64, 128, 320, 640])
)
