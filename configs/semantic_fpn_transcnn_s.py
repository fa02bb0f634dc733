# Semantic FPN with TransCNN-Small, 40k. No ADE20K figures were published. Recipe as in semantic_fpn_transcnn_t.py.
_base_ = 'semantic_fpn_transcnn_t.py'

model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint='transcnn-s')), neck=dict(in_channels=[64, 128, 256, 512])
)
