"""Depthwise convolution against PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F

from mmbackbones.ops import depthwise, depthwise_conv2d
from tests.helpers.graphs import Graphs


def plain(x, weight, bias):
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2, groups=x.shape[1])


def values_and_gradients(conv, *inputs):
    inputs = [tensor.clone().requires_grad_() for tensor in inputs]
    y = conv(*inputs)
    y.square().sum().backward()
    return [y.detach(), *(tensor.grad for tensor in inputs)]


def draw(batch, channels, height, width, size):
    torch.manual_seed(0)
    return torch.randn(batch, channels, height, width), torch.randn(channels, 1, size, size), torch.randn(channels)


@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize('size', [3, 5, 7, 9])
@pytest.mark.parametrize(('height', 'width'), [(12, 12), (13, 29), (31, 10), (5, 20), (1, 1)])
def test_values_and_gradients(height, width, size, channels_last):
    x, weight, bias = draw(2, 3, height, width, size)
    x = x.to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    found = values_and_gradients(depthwise_conv2d, x, weight, bias)
    expected = values_and_gradients(plain, *(tensor.double() for tensor in (x, weight, bias)))
    for value, reference in zip(found, expected, strict=True):
        torch.testing.assert_close(value.double(), reference, rtol=1e-5, atol=1e-5 * float(reference.abs().max()))
    if size > 3:
        assert [value.stride() for value in found[1:]] == [tensor.stride() for tensor in (x, weight, bias)]


@pytest.mark.parametrize(('size', 'merged'), [(5, [1, 2]), (7, [1, 2, 3])])
def test_gradients_of_wide_weights_come_from_narrow_ones(size, merged, monkeypatch):
    """oneDNN's kernel for weights of up to 3 columns is ten times as fast as the one for more."""
    shapes = []
    original = depthwise._convolution_backward

    def seen(grad, x, weight, wanted):
        shapes.append((wanted, tuple(weight.shape)))
        return original(grad, x, weight, wanted)

    monkeypatch.setattr(depthwise, '_convolution_backward', seen)
    values_and_gradients(depthwise_conv2d, *draw(1, 4, 16, 18, size))
    assert shapes == [('x', (4, 1, size, size)), *(('weight and bias', (4 * m, 1, size, 3)) for m in merged)]


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_without_gradient_of_the_weight_or_in_double_precision_pytorchs_own(dtype):
    x, weight, bias = (tensor.to(dtype) for tensor in draw(1, 4, 16, 18, 5))
    if dtype == torch.float32:
        weight.requires_grad_(False)
        assert 'Convolution' in type(depthwise_conv2d(x.requires_grad_(), weight, bias).grad_fn).__name__
    else:
        assert 'Convolution' in type(depthwise_conv2d(x, weight.requires_grad_(), bias).grad_fn).__name__


def test_without_bias_and_for_an_input_without_gradient():
    x, weight, _ = draw(1, 4, 9, 11, 5)
    weight.requires_grad_()
    depthwise_conv2d(x, weight).square().sum().backward()
    expected = values_and_gradients(lambda x, weight: plain(x, weight, None), x, weight.detach())[2]
    torch.testing.assert_close(weight.grad, expected, rtol=1e-5, atol=1e-3)


def test_under_autocast():
    x, weight, bias = draw(1, 4, 16, 18, 5)
    with torch.autocast('cpu', torch.bfloat16):
        found = values_and_gradients(depthwise_conv2d, x, weight, bias)
        expected = values_and_gradients(plain, x, weight, bias)
    assert [value.dtype for value in found] == [value.dtype for value in expected]
    for value, reference in zip(found, expected, strict=True):
        torch.testing.assert_close(value, reference, rtol=0, atol=0.02 * float(reference.abs().max()))


def test_a_compiler_takes_it_once_for_all_sizes():
    graphs = Graphs()
    conv = torch.nn.Conv2d(4, 4, 5, groups=4)
    compiled = torch.compile(
        lambda x: depthwise_conv2d(x, conv.weight, conv.bias), backend=graphs, fullgraph=True, dynamic=True
    )
    for height, width in [(16, 18), (20, 25), (9, 33)]:
        x = torch.randn(1, 4, height, width)
        gradients = []
        for function in (compiled, lambda x: plain(x, conv.weight, conv.bias)):
            function(x).square().sum().backward()
            gradients.append(conv.weight.grad)
            conv.weight.grad = None
        torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-3)
    assert len(graphs) == 1
