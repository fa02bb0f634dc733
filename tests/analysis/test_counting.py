"""What is counted is the attention that is computed, as the products of its definition."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from mmbackbones.analysis.counting import count_saved_bytes, multiply_adds, saved_bytes
from mmbackbones.analysis.explicit_attention import use_explicit_local_attention
from mmbackbones.layers import LocalAttention2d, MultiHeadSelfAttention2d, SpatiallyAwareAttention
from mmbackbones.ops.local_attention import tiles

LAYERS = {
    'zeros': lambda: LocalAttention2d(8, 16, kernel_size=5, heads=2),
    'mask': lambda: LocalAttention2d(8, 16, kernel_size=3, heads=4, stride=2, border='mask', bias=True),
    'blocks': lambda: SpatiallyAwareAttention(8, 16, heads=2, mixtures=3),
    'blocks, zeros': lambda: SpatiallyAwareAttention(8, 16, heads=2, mixtures=3, border='zeros'),
    'sliding': lambda: SpatiallyAwareAttention(8, 16, kernel_size=3, heads=2, window='sliding'),
}


@pytest.mark.parametrize('build', LAYERS.values(), ids=LAYERS)
def test_explicit_local_attention_is_the_same_attention(build):
    torch.manual_seed(0)
    layer, x = build().double(), torch.randn(2, 8, 10, 7).double()
    explicit = deepcopy(layer)
    use_explicit_local_attention(explicit)
    torch.testing.assert_close(explicit(x), layer(x))
    assert explicit.forward.func is not type(layer).forward


def test_local_attention_is_counted_by_its_definition():
    """Three projections; q . k, q . r and the product with the values for each neighbor."""
    assert multiply_adds(LAYERS['zeros'](), (1, 8, 10, 7)) == 10 * 7 * 16 * (3 * 8 + 3 * 25)


def test_fused_attention_is_counted_by_its_two_products():
    layer = MultiHeadSelfAttention2d(16, head_dim=8)
    projections = 10 * 7 * 16 * 16 * 4
    assert multiply_adds(layer, (1, 16, 10, 7)) == projections + 2 * (10 * 7) ** 2 * 16


def test_saved_bytes_are_those_of_tensors_that_a_backward_pass_needs():
    """Once each, and without parameters: ReLU's result, which the linear layer saves too; its own input is an image."""
    model = nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 2))
    image = torch.zeros(3, 5)
    assert saved_bytes(model, image) == 4 * (3 * 5 + 3 * 5)
    assert count_saved_bytes(lambda: nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 2)), (3, 5)) == 4 * 30


def test_local_attention_saves_the_same_in_tiles_of_any_size(monkeypatch):
    monkeypatch.setattr(tiles, 'PIXELS', 64)
    shape = (1, 8, 20, 14)
    assert count_saved_bytes(LAYERS['zeros'], shape) == saved_bytes(LAYERS['zeros'](), torch.zeros(shape))
