"""A 1x1 convolution followed by a layer scale."""

import pytest
import torch
from torch import nn

from mmbackbones.layers import LayerScale, scaled_conv1x1


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('memory_format', [torch.channels_last, torch.contiguous_format])
def test_equals_the_scaled_map(memory_format, bias):
    torch.manual_seed(0)
    conv, scale = nn.Conv2d(6, 4, 1, bias=bias), LayerScale(4, data_format='channels_first')
    nn.init.normal_(scale.weight)
    x = torch.randn(2, 6, 9, 11).to(memory_format=memory_format).requires_grad_()
    parameters = [x, *conv.parameters(), *scale.parameters()]
    results = [
        (y, torch.autograd.grad(y.square().sum(), parameters)) for y in (scaled_conv1x1(conv, scale, x), scale(conv(x)))
    ]
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-4)


def test_under_autocast_the_result_has_the_type_of_the_convolution():
    conv, scale = nn.Conv2d(6, 4, 1), LayerScale(4, data_format='channels_first')
    x = torch.randn(1, 6, 9, 11)
    with torch.autocast('cpu', torch.bfloat16):
        found, expected = scaled_conv1x1(conv, scale, x), scale(conv(x))
    assert found.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)
