"""Large kernel attention, on its own and inside MMDetection's ResNet."""

import pytest
import torch
from mmdet.models import ResNet

from mmbackbones.layers import LargeKernelAttention


def test_lka_is_the_product_of_three_convolutions_and_its_input():
    torch.manual_seed(0)
    layer, x = LargeKernelAttention(4), torch.randn(2, 4, 9, 13)
    attention = layer.pw_conv(layer.dw_d_conv(layer.dw_conv(x)))
    torch.testing.assert_close(layer(x), attention * x)
    assert layer.dw_conv.kernel_size == (5, 5)
    assert (layer.dw_d_conv.kernel_size, layer.dw_d_conv.dilation) == ((7, 7), (3, 3))


@pytest.mark.parametrize(('kernel_size', 'dilation', 'reach'), [(21, 3, 11), (28, 4, 15), (5, 1, 2)])
def test_lka_reaches_as_far_as_it_says(kernel_size, dilation, reach):
    """An impulse spreads over (d - 1) + (ceil(K / d) // 2) d pixels on each side."""
    torch.manual_seed(0)
    layer = LargeKernelAttention(1, kernel_size, dilation).double()
    x = torch.ones(1, 1, 65, 65, dtype=torch.float64)
    bumped = x.clone()
    bumped[..., 32, 32] += 1
    touched = (layer(bumped) - layer(x)).abs().amax(dim=(0, 1, 2)).nonzero().flatten()
    assert touched.min() == 32 - reach
    assert touched.max() == 32 + reach


def test_lka_of_an_even_decomposition_is_refused():
    with pytest.raises(ValueError, match='must be odd'):
        LargeKernelAttention(4, kernel_size=12, dilation=3)


def test_lka_plugs_into_mmdetections_resnet():
    plugin = dict(cfg=dict(type='LargeKernelAttention'), stages=(False, True, False, False), position='after_conv3')
    model = ResNet(depth=50, plugins=[plugin])
    assert sum(isinstance(module, LargeKernelAttention) for module in model.modules()) == 4
    assert len(model(torch.zeros(1, 3, 64, 64))) == 4
