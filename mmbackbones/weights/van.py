"""Keys of the VAN authors' files (VAN-Classification and VAN-Segmentation share them)."""
import re

# Ours are the paper's names: DW-Conv, DW-D-Conv and the 1x1 convolution of Figure 2 and Equation 1.
_PARTS = (
    ('attn.spatial_gating_unit.conv0.', 'attn.lka.dw_conv.'),
    ('attn.spatial_gating_unit.conv_spatial.', 'attn.lka.dw_d_conv.'),
    ('attn.spatial_gating_unit.conv1.', 'attn.lka.pw_conv.'),
    ('mlp.dwconv.dwconv.', 'mlp.dw_conv.'),
)


def rename_van_key(key: str) -> str | None:
    """The key of ours for one of the authors'; None for the classifier's; any other key as it is."""
    if key.startswith('head.'):
        return None
    match = re.match(r'(patch_embed|block|norm)(\d)\.(.+)', key)
    if not match:
        return key
    part, stage, rest = match[1], int(match[2]) - 1, match[3]
    if part == 'patch_embed':
        return f'stem.{rest}' if stage == 0 else f'stages.{stage}.patch_embed.{rest}'
    if part == 'norm':
        return f'stages.{stage}.norm.{rest}'
    for theirs, ours in _PARTS:
        rest = rest.replace(theirs, ours)
    rest = re.sub(r'(layer_scale_\d)$', r'\1.weight', rest)
    return f'stages.{stage}.blocks.{rest}'
