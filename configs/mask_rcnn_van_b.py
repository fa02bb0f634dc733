# Mask R-CNN with VAN-B2, 1x. Published: 46.2 M parameters, 46.4 box AP, 41.8 mask AP on COCO val2017 (VAN, arXiv
# 2202.09741, Table 10). Recipe as in mask_rcnn_van_t.py.
_base_ = 'mask_rcnn_van_t.py'

model = dict(backbone=dict(arch='base', init_cfg=dict(checkpoint='van-b2')), neck=dict(in_channels=[64, 128, 320, 512]))
