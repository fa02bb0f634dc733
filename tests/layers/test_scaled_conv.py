"""A 1x1 convolution, or a linear layer, followed by a layer scale."""

import pytest
import torch
from torch import nn

from mmbackbones.layers import LayerScale, scaled_conv1x1, scaled_linear

CASES = (
    (scaled_conv1x1, lambda: nn.Conv2d(6, 4, 1), torch.randn(1, 6, 3, 5)),
    (scaled_linear, lambda: nn.Linear(6, 4), torch.randn(2, 3, 6)),
)


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


@pytest.mark.parametrize('watched', [0, 1])
@pytest.mark.parametrize(('scaled', 'layer', 'x'), CASES, ids=['convolution', 'linear'])
def test_hooks_see_what_they_would_see(scaled, layer, x, watched):
    modules = layer(), LayerScale(4, data_format='channels_first' if x.dim() == 4 else 'channels_last', scale=0.5)
    seen = []
    modules[watched].register_forward_hook(lambda module, args, y: seen.append(y))
    y = scaled(*modules, x)
    modules[1](modules[0](x))
    torch.testing.assert_close(*seen)
    torch.testing.assert_close(y, 0.5 * modules[0](x))
