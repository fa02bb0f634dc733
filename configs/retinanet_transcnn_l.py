# RetinaNet with TransCNN-Large, 1x. No COCO figures were published; by its layer shapes it has 90.2 M parameters.
# Recipe as in retinanet_transcnn_t.py.
_base_ = 'retinanet_transcnn_t.py'

model = dict(
    backbone=dict(arch='large', init_cfg=dict(checkpoint='transcnn-l')), neck=dict(in_channels=[128, 384, 768])
)
