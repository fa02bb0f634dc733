"""Our operators under autocast take the types that PyTorch's take."""

import pytest
import torch

from mmbackbones.ops import depthwise_conv2d, dilated_depthwise_conv2d

CALLS = [depthwise_conv2d, lambda *tensors: dilated_depthwise_conv2d(*tensors, dilation=2)]


@pytest.mark.parametrize('call', CALLS, ids=['depthwise', 'dilated'])
@pytest.mark.parametrize(('given', 'found'), [(torch.float32, torch.bfloat16), (torch.float64, torch.float64)], ids=str)
def test_all_but_float64_is_cast(call, given, found):
    x, weight, bias = (torch.randn(shape, dtype=given) for shape in ((1, 3, 9, 9), (3, 1, 5, 5), (3,)))
    with torch.autocast('cpu', torch.bfloat16):
        assert call(x, weight.requires_grad_(), bias).dtype == found
        assert torch.nn.functional.conv2d(x, weight, bias, groups=3).dtype == found
