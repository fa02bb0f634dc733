"""Contiguous maps of a channels-last network: values, and the format that gradients come back in."""

import pytest
import torch

from mmbackbones.layers.memory_format import contiguous_map


@pytest.mark.parametrize('channels_last', [False, True])
def test_values_and_the_format_of_gradients(channels_last):
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.randn(2, 3, 4, 5).contiguous(memory_format=memory_format).requires_grad_()
    y = x * 2
    formats = []
    y.register_hook(lambda grad: formats.append(grad.is_contiguous(memory_format=memory_format)))
    out = contiguous_map(y)
    assert out.is_contiguous()
    assert torch.equal(out, y)
    weights = torch.randn(2, 3, 4, 5)
    (out * weights).sum().backward()
    assert formats == [True]
    assert torch.equal(x.grad, 2 * weights)
