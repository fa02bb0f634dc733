"""Whole models as the backbones' authors saved them, narrow: backbones under the authors' keys, other parts under the
names of MMDetection 2.25 and MMSegmentation 0.26, and the metadata that MMCV 1 wrote.

The sizes are those of :mod:`tests.helpers.narrow_models`.
"""

import numpy as np
import torch
from torch import Tensor

from mmbackbones.backbones.transcnn import two_step

from .narrow_models import CLASSES, WIDE
from .official_states import put_dualvit, put_hierarchical, put_van
from .reference import StateDict
from .small_backbones import SMALL

NAMES = tuple(f'class {n}' for n in range(CLASSES))
_SIZES: dict[str, dict] = {family: SMALL[family]['arch'] for family in ('DualViT', 'HATNet', 'TransCNN', 'VAN')}
# SMALL's have attentions that the authors' networks lack.
OPTIONS = {family: {} for family in _SIZES} | {
    family: dict(arch={**_SIZES[family], 'attentions': two_step((3, 2, 2), (4, 2, 2))})
    for family in ('HATNet', 'TransCNN')
}


def authors_backbone(family: str, size: dict | None = None) -> dict[str, Tensor]:
    """The state dict of a small backbone in its authors' downstream code.

    Args:
        family: Registry type of the backbone.
        size: Its ``arch``, if it is not that of :data:`OPTIONS` and of the small backbones.
    """
    state, size = StateDict({}), size or _SIZES[family]
    dims, depths = size['embed_dims'], size['depths']
    if family == 'VAN':
        put_van(state, dims, depths, size['mlp_ratios'])
    elif family == 'DualViT':
        put_dualvit(state, 'downstream', size['stem_width'], dims, depths, size['mlp_ratios'])
    else:
        put_hierarchical(state, family.lower(), dims, depths, size['expansions'], size['kernel_sizes'])
    return dict(state)


def authors_model(name: str, family: str) -> dict[str, Tensor]:
    """The state dict of a whole model with such a backbone; `name` is a key of :data:`MODELS`."""
    state = StateDict({})
    MODELS[name](state, list(_SIZES[family]['embed_dims']))
    return {**{f'backbone.{key}': value for key, value in authors_backbone(family).items()}, **state}


def checkpoint_of_mmcv(state: dict[str, Tensor], classes=NAMES) -> dict:
    """What MMCV 1 saved after an epoch of training."""
    meta = dict(
        env_info='sys.platform: linux',
        config="raise SystemExit('executed')\n",
        seed=None,
        exp_name='model.py',
        epoch=12,
        iter=1000,
        mmcv_version='1.7.0',
        time='Mon Jan  2 12:00:00 2023',
        hook_msgs=dict(best_score=np.float64(0.5), best_ckpt='best.pth'),
        CLASSES=classes,
        PALETTE=[[0, 0, 0]] * len(classes or ()),
    )
    optimizer = dict(state={}, param_groups=[dict(lr=1e-4, params=list(range(3)))])
    return dict(meta=meta, state_dict=state, optimizer=optimizer)


def averaged_copies(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """What MMCV's EMAHook kept beside the weights."""
    return {f'ema_{key.replace(".", "_")}': torch.zeros_like(value) for key, value in state.items()}


def _conv_norm(state: StateDict, key: str, out_channels: int, in_channels: int, size: int = 3) -> None:
    state.conv(f'{key}.conv', out_channels, in_channels, size, bias=False)
    state.norm(f'{key}.bn', out_channels)


def _pyramid(state: StateDict, dims: list[int], extra: int = 0) -> None:
    for i, dim in enumerate(dims):
        state.conv(f'neck.lateral_convs.{i}.conv', WIDE, dim)
        state.conv(f'neck.fpn_convs.{i}.conv', WIDE, WIDE, 3)
    for i in range(extra):  # strides 64 and 128, from the backbone's last map
        state.conv(f'neck.fpn_convs.{len(dims) + i}.conv', WIDE, WIDE if i else dims[-1], 3)


def _retinanet(state: StateDict, dims: list[int]) -> None:
    _pyramid(state, dims[1:], extra=2)
    for branch in ('cls', 'reg'):
        state.conv(f'bbox_head.{branch}_convs.0.conv', WIDE, WIDE, 3)
    state.conv('bbox_head.retina_cls', 9 * CLASSES, WIDE, 3)
    state.conv('bbox_head.retina_reg', 9 * 4, WIDE, 3)


def _proposals(state: StateDict, dims: list[int]) -> None:
    _pyramid(state, dims)
    state.conv('rpn_head.rpn_conv', WIDE, WIDE, 3)
    state.conv('rpn_head.rpn_cls', 3, WIDE)
    state.conv('rpn_head.rpn_reg', 12, WIDE)


def _mask_head(state: StateDict, head: str) -> None:
    state.conv(f'{head}.convs.0.conv', 8, WIDE, 3)
    state.put(f'{head}.upsample.weight', (8, 8, 2, 2), 'weight')
    state.put(f'{head}.upsample.bias', (8,), 'bias')
    state.conv(f'{head}.conv_logits', CLASSES, 8)


def _mask_rcnn(state: StateDict, dims: list[int]) -> None:
    _proposals(state, dims)
    state.linear('roi_head.bbox_head.fc_cls', CLASSES + 1, 32)
    state.linear('roi_head.bbox_head.fc_reg', 4 * CLASSES, 32)
    state.linear('roi_head.bbox_head.shared_fcs.0', 32, WIDE * 49)
    state.linear('roi_head.bbox_head.shared_fcs.1', 32, 32)
    _mask_head(state, 'roi_head.mask_head')


def _cascade_mask_rcnn(state: StateDict, dims: list[int]) -> None:
    _proposals(state, dims)
    for head in (f'roi_head.bbox_head.{n}' for n in range(3)):
        state.linear(f'{head}.fc_cls', CLASSES + 1, 32)
        state.linear(f'{head}.fc_reg', 4 * CLASSES, 32)
        for i in range(4):
            _conv_norm(state, f'{head}.shared_convs.{i}', WIDE, WIDE)
        state.linear(f'{head}.shared_fcs.0', 32, WIDE * 49)
    for n in range(3):
        _mask_head(state, f'roi_head.mask_head.{n}')


def _upernet(state: StateDict, dims: list[int]) -> None:
    state.conv('decode_head.conv_seg', CLASSES, 8)
    for i in range(4):  # pooled to 1, 2, 3 and 6 cells
        _conv_norm(state, f'decode_head.psp_modules.{i}.1', 8, dims[-1], 1)
    _conv_norm(state, 'decode_head.bottleneck', 8, dims[-1] + 4 * 8)
    for i, dim in enumerate(dims[:-1]):
        _conv_norm(state, f'decode_head.lateral_convs.{i}', 8, dim, 1)
        _conv_norm(state, f'decode_head.fpn_convs.{i}', 8, 8)
    _conv_norm(state, 'decode_head.fpn_bottleneck', 8, 4 * 8)
    state.conv('auxiliary_head.conv_seg', CLASSES, 8)
    _conv_norm(state, 'auxiliary_head.convs.0', 8, dims[2])


def _semantic_fpn(state: StateDict, dims: list[int]) -> None:
    _pyramid(state, dims)
    state.conv('decode_head.conv_seg', CLASSES, 8)
    for level, convs in enumerate((1, 1, 2, 3)):
        for i in range(convs):  # an upsampling without weights follows each convolution
            _conv_norm(state, f'decode_head.scale_heads.{level}.{2 * i}', 8, 8 if i else WIDE)


MODELS = {
    'retinanet_van_t': _retinanet,
    'mask_rcnn_van_t': _mask_rcnn,
    'cascade_mask_rcnn_van_b': _cascade_mask_rcnn,
    'upernet_van_t': _upernet,
    'semantic_fpn_van_t': _semantic_fpn,
}
