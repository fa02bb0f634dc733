"""Detectors and segmentors with any backbone, narrow enough to train in seconds."""

from copy import deepcopy
from functools import cache

import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from mmbackbones import get_config

from .small_backbones import SMALL

CLASSES = 3
WIDE = 16
R_CNN = dict(
    bbox_roi_extractor=dict(out_channels=WIDE),
    mask_roi_extractor=dict(out_channels=WIDE),
    mask_head=dict(in_channels=WIDE, conv_out_channels=8, num_convs=1, num_classes=CLASSES),
)
NARROW = {  # what makes each model small: merged into the config of the first size of VAN
    'retinanet_van_t': dict(
        neck=dict(out_channels=WIDE),
        bbox_head=dict(in_channels=WIDE, feat_channels=WIDE, stacked_convs=1, num_classes=CLASSES),
    ),
    'mask_rcnn_van_t': dict(
        neck=dict(out_channels=WIDE),
        rpn_head=dict(in_channels=WIDE, feat_channels=WIDE),
        roi_head=dict(R_CNN, bbox_head=dict(in_channels=WIDE, fc_out_channels=32, num_classes=CLASSES)),
    ),
    'cascade_mask_rcnn_van_b': dict(
        neck=dict(out_channels=WIDE), rpn_head=dict(in_channels=WIDE, feat_channels=WIDE), roi_head=R_CNN
    ),
    'upernet_van_t': dict(
        decode_head=dict(channels=8, num_classes=CLASSES), auxiliary_head=dict(channels=8, num_classes=CLASSES)
    ),
    'semantic_fpn_van_t': dict(
        neck=dict(out_channels=WIDE), decode_head=dict(in_channels=[WIDE] * 4, channels=8, num_classes=CLASSES)
    ),
}


_read = cache(get_config)  # takes seconds


def build_narrow(name: str, backbone: str, **options) -> tuple[nn.Module, str]:
    """A model of a config with a small backbone, and the scope of its library.

    Args:
        name: The config.
        backbone: Registry type of the backbone.
        options: Further arguments of the backbone, in place of those of its size for tests.
    """
    cfg = deepcopy(_read(name))
    init_default_scope(cfg.default_scope)
    out_indices = cfg.model.backbone.get('out_indices', (0, 1, 2, 3))
    cfg.merge_from_dict(dict(model=NARROW[name]))
    cfg.model.backbone = {'type': backbone, 'out_indices': out_indices, **SMALL[backbone], **options}
    channels = list(MODELS.build(cfg.model.backbone).out_channels)
    if 'neck' in cfg.model:
        cfg.model.neck.in_channels = channels
    else:
        cfg.model.decode_head.in_channels, cfg.model.auxiliary_head.in_channels = channels, channels[2]
    if name.startswith('cascade'):
        for head in cfg.model.roi_head.bbox_head:
            head.update(in_channels=WIDE, conv_out_channels=WIDE, fc_out_channels=32, num_classes=CLASSES)
    if name.startswith(('mask', 'cascade')):
        cfg.model.test_cfg.rcnn.score_thr = 0.0
    torch.manual_seed(0)
    return MODELS.build(cfg.model), cfg.default_scope
