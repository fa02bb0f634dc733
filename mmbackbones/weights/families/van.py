"""VAN: the released checkpoints, and the mapping of their keys to ours.

The authors' classification and segmentation code share one layout; mmpretrain and transformers have their own.
"""

import re
from typing import Any

from ..release import Release

_LICENSE = 'Apache-2.0 (for commercial use, ask the authors)'


def _release(size: str, file: str, data: str = 'ImageNet-1K', **kwargs: Any) -> Release:
    kwargs.setdefault('page', 'https://cloud.tsinghua.edu.cn/d/0100f0cea37d41ba8d08/')
    name = f'van-{size}-22k' if data == 'ImageNet-22K' else f'van-{size}'
    return Release(name, 'VAN', size, data, file, license=_LICENSE, **kwargs)


def _original(size: str, word: str, file: str, top1: float) -> Release:
    page = f'https://huggingface.co/Visual-Attention-Network/VAN-{word}-original'
    return _release(size, file, page=page, url=f'{page}/resolve/main/{file}', top1=top1)


def _mmpretrain(size: str, word: str, sha256: str, top1: float) -> Release:
    """mmpretrain's conversion of the authors' file; accuracy, mean and std are those of its own evaluation."""
    file = f'van-{word}_8xb128_in1k_20220501-{sha256}.pth'
    return Release(
        f'van-{size}-mmpretrain',
        'VAN',
        size,
        'ImageNet-1K',
        file,
        page='https://github.com/open-mmlab/mmpretrain/tree/main/configs/van',
        url=f'https://download.openmmlab.com/mmclassification/v0/van/{file}',
        license=_LICENSE,
        mean=(127.5, 127.5, 127.5),
        std=(127.5, 127.5, 127.5),
        top1=top1,
    )


RELEASES = (
    _original('b0', 'Tiny', 'van_tiny_754.pth.tar', 75.4),
    _original('b1', 'Small', 'van_small_811.pth.tar', 81.1),
    _original('b2', 'Base', 'van_base_828.pth.tar', 82.8),
    _original('b3', 'Large', 'van_large_839.pth.tar', 83.9),
    _release('b4', 'van_b4.pth', top1=84.2),
    # The paper's Table 8 has 85.7, 86.3 and 86.9 after fine-tuning on ImageNet-1K; these files may predate it.
    _release('b4', 'van_b4_22k.pth', 'ImageNet-22K'),
    _release('b5', 'van_b5_22k.pth', 'ImageNet-22K'),
    _release('b6', 'van_b6_22k.pth', 'ImageNet-22K'),
    _mmpretrain('b0', 'tiny', '385941af', 75.41),
    _mmpretrain('b1', 'small', '17bc91aa', 81.01),
    _mmpretrain('b2', 'base', '6a4cc31b', 82.80),
    _mmpretrain('b3', 'large', 'f212ba21', 83.86),
)
LAYOUTS = {
    r'(patch_embed\d\.projection|blocks\d)\.': "mmpretrain's layout",
    r'(van\.)?encoder\.stages\.': "transformers' layout",
}
# Ours are the paper's names: DW-Conv, DW-D-Conv and the 1x1 convolution of Figure 2 and Equation 1.
_PARTS = {
    # the authors'
    'attn.spatial_gating_unit.conv0': 'attn.lka.dw_conv',
    'attn.spatial_gating_unit.conv_spatial': 'attn.lka.dw_d_conv',
    'attn.spatial_gating_unit.conv1': 'attn.lka.pw_conv',
    'mlp.dwconv.dwconv': 'mlp.dw_conv',
    # mmpretrain's, where they differ
    'projection': 'proj',
    'attn.spatial_gating_unit.DW_conv': 'attn.lka.dw_conv',
    'attn.spatial_gating_unit.DW_D_conv': 'attn.lka.dw_d_conv',
    'mlp.dwconv': 'mlp.dw_conv',
    # transformers'
    'convolution': 'proj',
    'normalization': 'norm',
    'pre_normomalization': 'norm1',
    'attention.pre_projection.conv': 'attn.proj_1',
    'attention.attention_layer.attention.depth_wise': 'attn.lka.dw_conv',
    'attention.attention_layer.attention.depth_wise_dilated': 'attn.lka.dw_d_conv',
    'attention.attention_layer.attention.point_wise': 'attn.lka.pw_conv',
    'attention.post_projection': 'attn.proj_2',
    'attention_scaling': 'layer_scale_1',
    'post_normalization': 'norm2',
    'mlp.in_dense': 'mlp.fc1',
    'mlp.depth_wise': 'mlp.dw_conv',
    'mlp.out_dense': 'mlp.fc2',
    'mlp_scaling': 'layer_scale_2',
}


def rename_van_key(key: str) -> str | None:
    """Our key for one of theirs, a classifier's below ``head.``; None for weights that have no effect."""
    if match := re.fullmatch(r'(head|classifier)\.(weight|bias)', key):
        return f'head.fc.{match[2]}'
    if re.fullmatch(r'(van\.)?layernorm\.(weight|bias)', key):  # transformers builds it but never uses it
        return None
    if match := re.fullmatch(r'(?:backbone\.)?(patch_embed|blocks?|norm)(\d)\.(.+)', key):
        part, stage, rest = match[1], int(match[2]) - 1, match[3]
    elif match := re.fullmatch(r'(?:van\.)?encoder\.stages\.(\d)\.(embeddings|layers|normalization)\.(.+)', key):
        part = {'embeddings': 'patch_embed', 'layers': 'block', 'normalization': 'norm'}[match[2]]
        stage, rest = int(match[1]), match[3]
    else:
        return key
    if part.startswith('block'):
        block, _, rest = rest.partition('.')
        rest = re.sub(r'(layer_scale_\d)$', r'\1.weight', rest)
        return f'stages.{stage}.blocks.{block}.{_rename_part(rest)}'
    if part == 'norm':
        return f'stages.{stage}.norm.{rest}'
    rest = _rename_part(rest)
    return f'stem.{rest}' if stage == 0 else f'stages.{stage}.patch_embed.{rest}'


def _rename_part(key: str) -> str:
    part, dot, leaf = key.rpartition('.')
    return _PARTS.get(part, part) + dot + leaf
