"""What is counted is what is computed, written in products."""

import pytest
import torch

from mmbackbones.analysis.counting import count_saved_bytes, multiply_adds, saved_bytes
from mmbackbones.analysis.written_out import explicit_local_attention
from mmbackbones.layers import LocalAttention2d, SpatiallyAwareAttention
from mmbackbones.ops.local_attention import tiles

LAYERS = {
    'zeros': lambda: LocalAttention2d(8, 16, kernel_size=5, heads=2),
    'mask': lambda: LocalAttention2d(8, 16, kernel_size=3, heads=4, stride=2, border='mask'),
    'blocks': lambda: SpatiallyAwareAttention(8, 16, heads=2, mixtures=3),
    'blocks, zeros': lambda: SpatiallyAwareAttention(8, 16, heads=2, mixtures=3, border='zeros'),
    'sliding': lambda: SpatiallyAwareAttention(8, 16, kernel_size=3, heads=2, window='sliding'),
}


@pytest.mark.parametrize('build', LAYERS.values(), ids=LAYERS)
def test_written_out_it_is_the_same_attention(build):
    torch.manual_seed(0)
    layer, x = build().double(), torch.randn(2, 8, 10, 7).double()
    expected = layer(x)
    with explicit_local_attention():
        torch.testing.assert_close(layer(x), expected)


def test_local_attention_is_counted_by_its_definition():
    """Three projections; q . k, q . r and the product with the values for each neighbour."""
    assert multiply_adds(LAYERS['zeros'](), (1, 8, 10, 7)) == 10 * 7 * 16 * (3 * 8 + 3 * 25)


def test_local_attention_keeps_the_same_in_one_tile(monkeypatch):
    monkeypatch.setattr(tiles, 'PIXELS', 64)
    shape = (1, 8, 20, 14)
    assert count_saved_bytes(LAYERS['zeros'], shape) == saved_bytes(LAYERS['zeros'](), torch.zeros(shape))
