"""Dilated depthwise convolution against PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F

from mmbackbones.ops import dilated_depthwise_conv2d
from tests.helpers.graphs import Graphs


@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize(('size', 'dilation'), [(7, 3), (5, 2), (3, 1), (1, 4)])
@pytest.mark.parametrize(('height', 'width'), [(12, 12), (13, 29), (31, 11), (9, 40), (1, 1)])
def test_values_and_gradients(height, width, size, dilation, channels_last):
    torch.manual_seed(0)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.randn(2, 3, height, width, dtype=torch.float64).to(memory_format=memory_format)
    weight, bias = torch.randn(3, 1, size, size, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    results = []
    for conv in (
        dilated_depthwise_conv2d,
        lambda x, w, b, d: F.conv2d(x, w, b, padding=size // 2 * d, dilation=d, groups=3),
    ):
        inputs = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
        y = conv(*inputs, dilation)
        y.square().sum().backward()
        results.append((y, [tensor.grad for tensor in inputs]))
    torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-10)


def test_without_bias_and_in_channels_last():
    x = torch.randn(1, 4, 20, 20).to(memory_format=torch.channels_last)
    y = dilated_depthwise_conv2d(x, torch.randn(4, 1, 7, 7), None, 3)
    assert y.shape == x.shape
    assert y.stride(1) == 1


def test_a_compiler_takes_it_once_for_all_sizes():
    graphs = Graphs()
    conv = torch.nn.Conv2d(4, 4, 7, groups=4)
    compiled = torch.compile(
        lambda x: dilated_depthwise_conv2d(x, conv.weight, conv.bias, 3), backend=graphs, fullgraph=True, dynamic=True
    )
    for height, width in [(16, 18), (9, 33), (40, 20)]:
        x = torch.randn(1, 4, height, width)
        results = []
        for function in (compiled, lambda x: dilated_depthwise_conv2d(x, conv.weight, conv.bias, 3)):
            y = function(x)
            results.append([y, *torch.autograd.grad(y.square().sum(), conv.parameters())])
        torch.testing.assert_close(*results, rtol=1e-5, atol=1e-3)
    assert len(graphs) == 1
