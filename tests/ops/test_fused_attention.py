"""Attention in parts of the batch, as GPUs need it, against attention in one call."""

import pytest
import torch

from mmbackbones.ops.fused_attention import attention_in_parts, fused_attention


@pytest.mark.parametrize('mask_batch', [None, 1, 7])
def test_in_parts_it_is_the_same_attention(mask_batch):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 7, 2, 5, 4).double()
    mask = None if mask_batch is None else torch.rand(mask_batch, 1, 5, 5) < 0.8
    if mask is not None:
        mask[..., 0] = True  # every query sees something
    expected = fused_attention(q, k, v, mask, scale=1.0)
    torch.testing.assert_close(attention_in_parts(q, k, v, mask, 3, scale=1.0), expected)
