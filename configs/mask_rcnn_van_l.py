# Mask R-CNN with VAN-B3, 1x. Published: 64.4 M parameters, 48.3 box AP, 43.4 mask AP on COCO val2017 (VAN, arXiv
# 2202.09741, Table 10). Recipe as in mask_rcnn_van_t.py.
_base_ = 'mask_rcnn_van_t.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.3, init_cfg=dict(checkpoint='van-b3')),
    neck=dict(in_channels=[64, 128, 320, 512]),
)
