"""VAN's weights under the keys of other libraries, as their converters write them."""

import re

from torch import Tensor

# Differences of mmpretrain 1.x (models/backbones/van.py) and transformers 4.x (models/deprecated/van/modeling_van.py).
_MMPRETRAIN = {
    r'\bblock(\d)': r'blocks\1',
    r'\.proj\.': '.projection.',
    r'\bconv0\b': 'DW_conv',
    r'\bconv_spatial\b': 'DW_D_conv',
    r'dwconv\.dwconv': 'dwconv',
}
_TRANSFORMERS = {
    r'\.attn\.proj_1\.': '.attention.pre_projection.conv.',
    r'\.attn\.proj_2\.': '.attention.post_projection.',
    r'\.attn\.spatial_gating_unit\.': '.attention.attention_layer.attention.',
    r'\bconv0\b': 'depth_wise',
    r'\bconv_spatial\b': 'depth_wise_dilated',
    r'\bconv1\b': 'point_wise',
    r'\bfc1\b': 'in_dense',
    r'\bdwconv\.dwconv\b': 'depth_wise',
    r'\bfc2\b': 'out_dense',
    r'\.layer_scale_1$': '.attention_scaling.weight',
    r'\.layer_scale_2$': '.mlp_scaling.weight',
    r'(\.\d+)\.norm1\.': r'\1.pre_normomalization.',
    r'(\.\d+)\.norm2\.': r'\1.post_normalization.',
    r'^(patch_embed\d)\.proj\.': r'\1.convolution.',
    r'^(patch_embed\d)\.norm\.': r'\1.normalization.',
}


def _replace(key: str, table: dict[str, str]) -> str:
    for pattern, other in table.items():
        key = re.sub(pattern, other, key)
    return key


def mmpretrain(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """From the authors' layout to that of mmpretrain's image classifier."""
    return {
        key.replace('head.', 'head.fc.') if 'head.' in key else f'backbone.{_replace(key, _MMPRETRAIN)}': value
        for key, value in state.items()
    }


def transformers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """From the authors' layout to that of ``VanForImageClassification``."""
    other = {}
    for key, value in state.items():
        match = re.match(r'(patch_embed|block|norm)(\d)', key)
        part = match and {'patch_embed': 'embeddings', 'block': 'layers', 'norm': 'normalization'}[match[1]]
        new = _replace(key, _TRANSFORMERS)
        other[
            f'van.encoder.stages.{int(match[2]) - 1}.{part}{new[match.end() :]}'
            if match
            else key.replace('head.', 'classifier.')
        ] = value
    for name in ('weight', 'bias'):
        other[f'van.layernorm.{name}'] = state[f'norm4.{name}'] + 1  # exists there, but is not used
    return other


LAYOUTS = {"the authors' layout": dict, "mmpretrain's layout": mmpretrain, "transformers' layout": transformers}
