"""Attention written out in products equals the fused one, and stands in for it only inside the context."""

import torch
import torch.nn.functional as F
from torch import nn

from mmbackbones.analysis.explicit_attention import explicit_attention, local_attention_products, softmax_attention
from mmbackbones.ops import fused_attention, local_attention


def test_softmax_attention_is_the_same_attention():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 4).double()
    for mask in (None, torch.tensor([True, True, False, True, False])):
        expected = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        torch.testing.assert_close(softmax_attention(q, k, v, attn_mask=mask), expected)


def test_explicit_attention_takes_the_place_of_pytorchs(monkeypatch):
    calls = []
    monkeypatch.setattr(
        'mmbackbones.analysis.explicit_attention.softmax_attention', lambda q, k, v, **kwargs: calls.append(1) or v
    )
    q = torch.randn(1, 2, 5, 4)

    @explicit_attention()
    def step():
        fused_attention(q, q, q)

    with explicit_attention():
        F.scaled_dot_product_attention(q, q, q)
        nn.functional.scaled_dot_product_attention(q, q, q)
    step()
    assert len(calls) == 3
    F.scaled_dot_product_attention(q, q, q)
    assert len(calls) == 3


def test_local_attention_products():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 3, 4, 6, 5).double()
    rel_row, rel_col = torch.randn(2, 3, 2, 3).double()
    for border in ('zeros', 'mask'):
        torch.testing.assert_close(
            local_attention_products(q, k, v, rel_row, rel_col, 3, border),
            local_attention(q, k, v, rel_row, rel_col, 3, border),
        )
