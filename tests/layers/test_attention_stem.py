"""Parts of the attention stem; its values are tested with the layers of local attention."""

import pytest
import torch

from mmbackbones.layers import SpatiallyAwareAttention

IMAGE = torch.arange(1.0, 31).view(1, 1, 5, 6)


def test_mixture_is_a_softmax_of_row_plus_column():
    layer = SpatiallyAwareAttention(3, 8, kernel_size=4, mixtures=5)
    mixture = layer.mixture()
    assert mixture.shape == (5, 4, 4)
    torch.testing.assert_close(mixture.sum(0), torch.ones(4, 4))
    logits = torch.stack([layer.nu @ (layer.emb_row[1] + layer.emb_col[column]) for column in range(4)], 1)
    torch.testing.assert_close(mixture[:, 1], logits.softmax(0))


def test_blocks_share_their_pixels():
    layer = SpatiallyAwareAttention(1, 4, kernel_size=4)
    pixels, memory, inside = layer.memory_blocks(IMAGE)
    assert pixels.shape == memory.shape == (1, 4, 16, 1)
    assert torch.equal(memory[0, 0, :, 0].view(4, 4), IMAGE[0, 0, :4, :4])
    assert inside.sum(-1).tolist() == [[16, 8, 4, 2]]
    assert torch.equal(inside[0], memory[0, ..., 0] > 0)


@pytest.mark.parametrize(('y', 'x', 'count'), [(2, 2, 9), (0, 0, 4), (0, 3, 6), (4, 5, 4)])
def test_a_sliding_window_is_around_its_pixel(y, x, count):
    layer = SpatiallyAwareAttention(1, 4, kernel_size=3, window='sliding')
    pixels, memory, inside = layer.memory_blocks(IMAGE)
    assert pixels.shape == (1, 30, 1, 1)
    assert memory.shape == (1, 30, 9, 1)
    index = y * 6 + x
    assert pixels[0, index].item() == memory[0, index, 4].item() == IMAGE[0, 0, y, x]
    expected = IMAGE[0, 0, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].flatten()
    assert torch.equal(memory[0, index, :, 0][inside[0, index]], expected)
    assert inside[0, index].sum() == count
