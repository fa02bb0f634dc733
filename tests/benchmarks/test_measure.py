"""The harness and the other side of the comparisons; no test here is timed."""

from functools import partial

import torch
import torch.nn.functional as F

from mmbackbones.analysis.explicit_attention import explicit_attention
from mmbackbones.benchmarks.measure import compare


def allocate(megabytes: int):
    return lambda: torch.ones(megabytes * 250_000).sum()


def test_every_form_is_measured_in_every_round():
    samples = compare({'small': partial(allocate, 1), 'large': partial(allocate, 200)}, rounds=1, steps=2)
    assert [len(sample.seconds) for sample in samples.values()] == [1, 1]
    assert 180 < samples['large'].median_megabytes - samples['small'].median_megabytes < 220
    assert samples['large'].median_seconds > 0


def test_materialised_attention_is_the_same_attention():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 4).double()
    mask = torch.tensor([True, True, False, True, False])
    for attn_mask in (None, mask):
        expected = F.scaled_dot_product_attention(q, k, v, attn_mask=attn_mask)
        with explicit_attention():
            torch.testing.assert_close(F.scaled_dot_product_attention(q, k, v, attn_mask=attn_mask), expected)
    torch.testing.assert_close(F.scaled_dot_product_attention(q, k, v, attn_mask=mask), expected)
