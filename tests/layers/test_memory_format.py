"""The memory format that a layer returns its result in."""

import pytest
import torch

from mmbackbones.layers.memory_format import in_format_of


@pytest.mark.parametrize('wanted', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('given', [torch.contiguous_format, torch.channels_last])
def test_in_format_of(wanted, given):
    x = torch.randn(2, 3, 4, 5).contiguous(memory_format=wanted)
    y = torch.randn(2, 6, 7, 8).contiguous(memory_format=given)
    result = in_format_of(x, y)
    assert result.is_contiguous(memory_format=wanted)
    assert torch.equal(result, y)
