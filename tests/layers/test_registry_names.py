"""Registry names: unambiguous ones, and the shorter ones of earlier configs and checkpoints."""

import pytest
from mmengine.registry import MODELS

from mmbackbones import layers
from mmbackbones.layers.local_attention import build_local_attention

NAMES = {
    'LargeKernelAttention': 'LKA',
    'MultiHeadSelfAttention2d': 'MHSA',
    'HierarchicalSelfAttention2d': 'HMHSA',
    'CascadedSelfAttention2d': 'CascadedHMHSA',
}


@pytest.mark.parametrize(('name', 'old_name'), NAMES.items())
def test_both_names_build_the_layer(name, old_name):
    for registered in (name, old_name):
        assert type(MODELS.build(dict(type=registered, in_channels=64))) is getattr(layers, name)


@pytest.mark.parametrize('name', ['LocalAttention2d', 'LocalAttention'])
def test_both_names_of_local_attention_replace_convolutions(name):
    assert MODELS.get(name) is build_local_attention
