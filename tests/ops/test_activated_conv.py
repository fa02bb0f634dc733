"""SiLU and the convolution after it, of which the backward pass computes the first again."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmbackbones.layers import DepthwiseConv2d, InvertedResidualBottleneck
from mmbackbones.ops import silu_conv

CONVS = {
    '1x1': lambda: nn.Conv2d(6, 4, 1),
    '1x1-no-bias': lambda: nn.Conv2d(6, 4, 1, bias=False),
    'depthwise-3': lambda: DepthwiseConv2d(6, 3, bias=False),
    'depthwise-5': lambda: DepthwiseConv2d(6, 5),
}


def step(function, conv, x):
    conv, x = copy.deepcopy(conv), x.clone().requires_grad_()
    y = function(conv, x)
    (y * torch.linspace(-1, 2, y.numel()).view_as(y).to(y)).sum().backward()
    return [y.detach(), x.grad, *(param.grad for param in conv.parameters())]


def saved(function):
    """The bytes that a call keeps for its backward pass, without parameters."""
    storages = {}

    def pack(tensor):
        if not isinstance(tensor, nn.Parameter):
            storages[tensor.untyped_storage().data_ptr()] = (tensor.untyped_storage().nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        function()
    return sum(size for size, _ in storages.values())


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize('conv', CONVS.values(), ids=CONVS)
def test_values_and_gradients(conv, channels_last, dtype):
    torch.manual_seed(0)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    conv, x = conv().to(dtype), torch.randn(2, 6, 5, 7, dtype=dtype).contiguous(memory_format=memory_format)
    found, expected = (step(f, conv, x) for f in (silu_conv, lambda conv, x: conv(F.silu(x))))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert saved(lambda: silu_conv(conv, x.requires_grad_())) == x.numel() * x.itemsize


def test_under_autocast_it_is_what_the_operators_are():
    torch.manual_seed(0)
    conv, x = nn.Conv2d(6, 4, 1), torch.randn(2, 6, 5, 7)
    with torch.autocast('cpu', torch.bfloat16):
        found, expected = (step(f, conv, x.bfloat16()) for f in (silu_conv, lambda conv, x: conv(F.silu(x))))
    assert [t.dtype for t in found] == [t.dtype for t in expected]
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize('frozen', ['weight', 'input', 'both'])
def test_what_needs_no_gradient_gets_none(frozen):
    conv, x = nn.Conv2d(6, 4, 1), torch.randn(1, 6, 3, 3, requires_grad=frozen == 'weight')
    conv.requires_grad_(frozen == 'input')
    y = silu_conv(conv, x)
    assert y.requires_grad == (frozen != 'both')
    if y.requires_grad:
        y.sum().backward()
        assert (x.grad is None) == (frozen != 'weight')
        assert (conv.weight.grad is None) == (frozen == 'weight')


@pytest.mark.parametrize('change', ['hook', 'subclass'])
def test_convolutions_that_do_more_are_called(change):
    class Doubled(nn.Conv2d):
        def forward(self, x):
            return 2 * super().forward(x)

    calls = []
    conv = (Doubled if change == 'subclass' else nn.Conv2d)(6, 4, 1)
    if change == 'hook':
        conv.register_forward_hook(lambda module, args, y: calls.append(args))
    x = torch.randn(1, 6, 3, 3)
    torch.testing.assert_close(silu_conv(conv, x), conv(F.silu(x)))
    assert len(calls) == 2 * (change == 'hook')


def test_a_bottleneck_keeps_each_wide_map_once():
    """HAT-Net's: what is convolved to it, before the activation, and not again after it."""
    layer = InvertedResidualBottleneck(4, expansion=8, norms='ends', norm_cfg=dict(type='GN', num_groups=1))
    x = torch.randn(1, 4, 16, 16).contiguous(memory_format=torch.channels_last).requires_grad_()
    narrow = x.numel() * x.itemsize
    assert 2 * 8 * narrow < saved(lambda: layer(x)) < 3 * 8 * narrow
