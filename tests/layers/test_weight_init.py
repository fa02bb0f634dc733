"""The variance of drawn weights."""

import pytest
import torch
from torch import nn

from mmbackbones.layers import init_conv_fan_out


@pytest.mark.parametrize(
    ('conv', 'variance'),
    [
        (nn.Conv2d(64, 128, 3), 2 / (9 * 128)),
        (nn.Conv2d(512, 512, 3, groups=512), 2 / 9),
        (nn.Conv2d(128, 256, 3, groups=4), 2 / (9 * 64)),
        (nn.Conv2d(64, 256, (1, 5)), 2 / (5 * 256)),
    ],
    ids=['dense', 'depthwise', 'grouped', 'oblong'],
)
def test_variance_is_2_over_the_fan_out_of_a_group(conv, variance):
    torch.manual_seed(0)
    init_conv_fan_out(conv)
    assert conv.weight.mean().abs() < 0.05 * variance**0.5
    assert conv.weight.var().item() == pytest.approx(variance, rel=0.05)
    assert not conv.bias.any()


def test_depthwise_activations_keep_their_scale():
    """A mean square of 1 before the convolution and after its ReLU; PyTorch's own fan out would give 1 / 256."""
    torch.manual_seed(0)
    conv = nn.Conv2d(256, 256, 3, groups=256)
    init_conv_fan_out(conv)
    y = conv(torch.randn(1, 256, 40, 40)).relu()
    assert y.square().mean().item() == pytest.approx(1, rel=0.15)


def test_other_modules_are_left_alone():
    layer = nn.Linear(4, 4)
    before = layer.weight.clone(), layer.bias.clone()
    init_conv_fan_out(layer)
    assert torch.equal(layer.weight, before[0])
    assert torch.equal(layer.bias, before[1])
