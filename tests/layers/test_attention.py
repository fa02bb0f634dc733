"""Multi-head attention of tokens."""
import torch

from mmbackbones.layers import multi_head_attention


def test_equals_the_formula_head_by_head():
    torch.manual_seed(0)
    q, kv = torch.randn(2, 7, 12, dtype=torch.float64), torch.randn(2, 5, 24, dtype=torch.float64)
    k, v = kv.chunk(2, -1)
    out = multi_head_attention(q, k, v, num_heads=3)
    for head in (slice(0, 4), slice(4, 8), slice(8, 12)):
        weights = (q[..., head] @ k[..., head].mT / 2).softmax(-1)
        torch.testing.assert_close(out[..., head], weights @ v[..., head])
