"""Depthwise convolution and activation in one pass in training."""

import pytest
import torch
import torch.nn.functional as F

from mmbackbones.layers import DepthwiseConv2d
from mmbackbones.ops import conv_pointwise, pointwise

ACTIVATIONS = dict(gelu=F.gelu, silu=F.silu)


@pytest.fixture
def conv():
    torch.manual_seed(0)
    return DepthwiseConv2d(6, 5)


@pytest.fixture
def x():
    return torch.randn(2, 6, 17, 23).to(memory_format=torch.channels_last).requires_grad_()


def gradients(y, conv, x):
    return torch.autograd.grad(y.square().sum(), [x, *conv.parameters()])


@pytest.mark.parametrize('activation', ACTIVATIONS)
def test_values_and_gradients(conv, x, activation):
    found = conv_pointwise(conv, x, activation)
    expected = ACTIVATIONS[activation](conv(x))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradients(found, conv, x), gradients(expected, conv, x), rtol=1e-5, atol=1e-3)


def test_keeps_nothing_but_its_input(conv, x):
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        y = conv_pointwise(conv, x, 'gelu')
    assert {t.data_ptr() for t in kept} == {t.data_ptr() for t in (x, *conv.parameters())}
    gradients(y, conv, x)


def test_under_autocast(conv, x):
    with torch.autocast('cpu', torch.bfloat16):
        found, expected = conv_pointwise(conv, x, 'gelu'), F.gelu(conv(x))
    assert found.dtype == torch.bfloat16
    for value, reference in zip(gradients(found, conv, x), gradients(expected, conv, x), strict=True):
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, reference, rtol=0, atol=0.03 * float(reference.abs().max()))


def test_hooks_are_called_and_double_precision_works(conv, x):
    seen = []
    conv.register_forward_hook(lambda module, args, output: seen.append(output))
    conv_pointwise(conv, x, 'gelu')
    assert len(seen) == 1
    y = conv_pointwise(conv.double(), x.double(), 'gelu')
    torch.testing.assert_close(y, F.gelu(conv(x.double())))


def test_without_the_private_operators_pytorchs_own(conv, x, monkeypatch):
    expected = conv_pointwise(conv, x, 'gelu')
    monkeypatch.setattr(pointwise, 'onednn_runs_pointwise', lambda: False)
    found = conv_pointwise(conv, x, 'gelu')
    assert 'Gelu' in type(found.grad_fn).__name__
    torch.testing.assert_close(found, expected)
