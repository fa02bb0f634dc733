"""The form for GPUs, here on the CPU, against PyTorch's group norm."""

import pytest
import torch
import torch.nn.functional as F

from mmbackbones.ops.single_group_norm import _SingleGroupNorm, single_group_norm


def with_gradients(norm, *inputs):
    inputs = [x.detach().requires_grad_() for x in inputs]
    y = norm(*inputs)
    return [y, *torch.autograd.grad((y * torch.linspace(-1, 2, y.numel()).to(y).view_as(y)).sum(), inputs)]


@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize('shape', [(2, 6, 5, 7), (1, 4, 1, 1), (3, 1, 8, 3)])
def test_values_and_gradients(shape, channels_last):
    torch.manual_seed(0)
    x = (3 * torch.randn(shape) + 1).double()
    x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
    inputs = x, *torch.randn(2, shape[1]).double()
    expected = with_gradients(lambda x, weight, bias: F.group_norm(x, 1, weight, bias, 1e-6), *inputs)
    for norm in (_SingleGroupNorm.apply, single_group_norm):
        got = with_gradients(lambda x, weight, bias, norm=norm: norm(x, weight, bias, 1e-6), *inputs)
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


def test_half_precision_stays_half():
    x = torch.randn(2, 6, 5, 7).half()
    y = _SingleGroupNorm.apply(x, torch.ones(6), torch.zeros(6), 1e-6)
    assert y.dtype == torch.half
    torch.testing.assert_close(y.float(), F.group_norm(x.float(), 1, eps=1e-6), rtol=1e-3, atol=1e-3)
