# RetinaNet with SASA ResNet-50 (local attention instead of 3x3 convolutions), convolutional stem, 1x. Published for 150
# epochs: 25.9 M parameters, 36.8 AP on COCO val2017 (Stand-Alone Self-Attention, arXiv 1906.05909, Table 2); that
# schedule is retinanet_sasa_r50_150e.py, this one is the 1x schedule of the other backbones (_base_/schedule_1x.py).
# The authors released no weights: training starts from random initialization, so no batch norm may be frozen.
_base_ = '_base_/retinanet_1x.py'

model = dict(
    backbone=dict(_delete_=True, type='SASAResNet', depth=50, out_indices=(1, 2, 3)),
    # P6 is computed from P5: this saves a convolution of 2048 channels and comes closest to the published count.
    neck=dict(in_channels=[512, 1024, 2048], add_extra_convs='on_output'),
)
