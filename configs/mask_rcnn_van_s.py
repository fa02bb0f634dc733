# Mask R-CNN with VAN-B1, 1x. Published: 33.5 M parameters, 42.6 box AP, 38.9 mask AP on COCO val2017 (VAN, arXiv
# 2202.09741, Table 10). Recipe as in mask_rcnn_van_t.py.
_base_ = 'mask_rcnn_van_t.py'

model = dict(
    backbone=dict(arch='small', init_cfg=dict(checkpoint='van-b1')), neck=dict(in_channels=[64, 128, 320, 512])
)
