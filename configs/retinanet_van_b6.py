# RetinaNet with VAN-B6, 1x: no published row. Recipe as retinanet_van_b.py; drop path of the authors' UperNet config.
# The authors publish the weights for download by hand only (the cloud folder linked in VAN-Segmentation's README):
# save the file as checkpoints/van_b6.pth, or name another with --weights.
_base_ = '_base_/retinanet_1x.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='VAN',
        arch='b6',
        out_indices=(1, 2, 3),
        drop_path_rate=0.5,
        init_cfg=dict(type='Pretrained', checkpoint='checkpoints/van_b6.pth')),
    neck=dict(in_channels=[192, 384, 768]))
