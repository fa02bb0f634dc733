"""Keys of VAN's files: the authors' (classification and segmentation share them), mmpretrain's, transformers'."""

import re

# Ours are the paper's names: DW-Conv, DW-D-Conv and the 1x1 convolution of Figure 2 and Equation 1.
_PARTS = {
    # the authors'
    'attn.spatial_gating_unit.conv0': 'attn.lka.dw_conv',
    'attn.spatial_gating_unit.conv_spatial': 'attn.lka.dw_d_conv',
    'attn.spatial_gating_unit.conv1': 'attn.lka.pw_conv',
    'mlp.dwconv.dwconv': 'mlp.dw_conv',
    # mmpretrain's, where it has others
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
    """The key of ours for one of theirs, a classifier's below ``head.``; None for what has no effect."""
    if match := re.fullmatch(r'(head|classifier)\.(weight|bias)', key):
        return f'head.fc.{match[2]}'
    if re.fullmatch(r'(van\.)?layernorm\.(weight|bias)', key):  # transformers builds it and never uses it
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
