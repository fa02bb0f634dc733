"""The key mappings of the families, one key of each part; the backbones' tests map whole files."""

import pytest

from mmbackbones.weights.families.dualvit import rename_dualvit_key
from mmbackbones.weights.families.hatnet import rename_hatnet_key
from mmbackbones.weights.families.transcnn import rename_transcnn_key


@pytest.mark.parametrize(
    ('rename', 'theirs', 'ours'),
    [
        (rename_dualvit_key, 'q', 'stem.semantics.query'),
        (rename_dualvit_key, 'patch_embed1.conv.0.weight', 'stem.pixels.conv.0.weight'),
        (rename_dualvit_key, 'block2.1.attn.q_proxy.weight', 'stages.1.blocks.1.semantic.q.weight'),
        (rename_dualvit_key, 'block1.0.gamma1', 'stages.0.blocks.0.layer_scale_1.weight'),
        (rename_dualvit_key, 'head.weight', 'head.fc.weight'),
        (rename_transcnn_key, 'patch_embed.3.weight', 'stem.conv2.weight'),
        (rename_transcnn_key, 'ds3.residual.weight', 'stages.2.downsample.pool_conv.weight'),
        (rename_transcnn_key, 'blocks.1.2.conv.conv2.0.weight', 'stages.1.blocks.2.irb.dw_conv.weight'),
        (rename_transcnn_key, 'classifier.1.bias', 'head.fc.bias'),
        (rename_hatnet_key, 'blocks.0.1.conv.conv1.0.weight', 'stages.0.blocks.1.irb.norm.weight'),
        (rename_hatnet_key, 'blocks.0.1.attn.proj_norm.weight', None),
    ],
)
def test_keys(rename, theirs, ours):
    assert rename(theirs) == ours
    if ours and not ours.startswith('head.'):
        assert rename(ours) == ours
