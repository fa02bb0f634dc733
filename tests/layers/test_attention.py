"""Multi-head attention of tokens."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch.nn.attention import SDPBackend

from mmbackbones.layers import TokenAttention, feed_forward, multi_head_attention
from mmbackbones.ops import local_attention
from tests.helpers.small_backbones import build_small, registered


def test_equals_the_formula_head_by_head():
    torch.manual_seed(0)
    q, kv = torch.randn(2, 7, 12, dtype=torch.float64), torch.randn(2, 5, 24, dtype=torch.float64)
    k, v = kv.chunk(2, -1)
    out = multi_head_attention(q, k, v, num_heads=3)
    for head in (slice(0, 4), slice(4, 8), slice(8, 12)):
        weights = (q[..., head] @ k[..., head].mT / 2).softmax(-1)
        torch.testing.assert_close(out[..., head], weights @ v[..., head])


def test_tokens_attend_to_a_context():
    torch.manual_seed(0)
    layer, tokens, context = TokenAttention(8, num_heads=2), torch.randn(2, 3, 8), torch.randn(2, 5, 8)
    k, v = layer.kv(context).chunk(2, -1)
    expected = layer.proj(multi_head_attention(layer.q(tokens), k, v, num_heads=2))
    torch.testing.assert_close(layer(tokens, context), expected)


def test_feed_forward():
    torch.manual_seed(0)
    layer, tokens = feed_forward(4, 3, torch.nn.GELU), torch.randn(2, 5, 4)
    first, _, second = layer
    assert first.weight.shape == (12, 4)
    torch.testing.assert_close(layer(tokens), second(F.gelu(first(tokens))))


# Kernels -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def chosen(monkeypatch):
    """The kernels that PyTorch would choose, call by call; every input has its channels side by side in memory."""
    choices, attention = [], F.scaled_dot_product_attention

    def note(q, k, v, attn_mask=None, **options):
        assert {x.stride(-1) for x in (q, k, v)} == {1}
        choices.append(torch._fused_sdp_choice(q, k, v, attn_mask=attn_mask))
        return attention(q, k, v, attn_mask=attn_mask, **options)

    monkeypatch.setattr(F, 'scaled_dot_product_attention', note)
    return choices


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('name', [name for name in registered() if name not in ('VAN', 'SASAResNet')])
def test_no_attention_of_a_backbone_holds_its_map(name, memory_format, chosen, monkeypatch):
    """In the channels-last format and in the contiguous one, which HAT-Net computes in on GPUs."""
    monkeypatch.setattr(MODELS.get(name), 'memory_format', lambda self, device: memory_format)
    build_small(name).eval()(torch.randn(1, 3, 96, 70))
    assert len(chosen) >= 5
    assert SDPBackend.MATH.value not in chosen


@pytest.mark.parametrize('size', [(3, 5), (8, 8), (9, 17)])
def test_blocks_of_local_attention_never_hold_their_map(size, chosen):
    q, k, v = (torch.randn(1, 2, 8, *size) for _ in range(3))
    local_attention(q, k, v, border='mask', impl='blocked')
    assert chosen
    assert SDPBackend.MATH.value not in chosen
