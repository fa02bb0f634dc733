"""Operators against their definitions, on shapes and values of any kind."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from mmbackbones.ops import dilated_depthwise_conv2d, local_attention
from mmbackbones.ops.local_attention import BORDERS, IMPLEMENTATIONS
from mmbackbones.ops.mmcv_ext.nms import greedy_nms
from mmbackbones.ops.mmcv_ext.roi_align_avg import roi_align_avg
from mmbackbones.ops.mmcv_ext.roi_align_max import roi_align_max
from tests.helpers import operator_loops as loops

FAST = [name for name in IMPLEMENTATIONS if name != 'reference']
seeds = st.integers(0, 2**32 - 1)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize('impl', FAST)
@given(
    seed=seeds,
    batch=st.integers(1, 2),
    heads=st.integers(1, 3),
    channels=st.sampled_from([2, 4, 6]),
    height=st.integers(1, 13),
    width=st.integers(1, 13),
    size=st.sampled_from([1, 3, 5, 7]),
    embeddings=st.sampled_from(['none', 'shared', 'per head']),
    border=st.sampled_from(list(BORDERS)),
)
def test_local_attention(impl, seed, batch, heads, channels, height, width, size, embeddings, border):
    q, k, v = (normal(seed + number, batch, heads, channels, height, width) for number in range(3))
    of_heads = [heads] if embeddings == 'per head' else []
    rel = [normal(seed + 3 + number, *of_heads, channels // 2, size) for number in range(2)]
    inputs = [x.requires_grad_() for x in (q, k, v, *(rel if embeddings != 'none' else ()))]
    results = []
    for name in (impl, 'reference'):
        y = local_attention(*inputs, kernel_size=size, border=border, impl=name)
        results.append([y, *torch.autograd.grad((y * y.detach().cos()).sum(), inputs)])
    torch.testing.assert_close(results[0], results[1], rtol=1e-9, atol=1e-9)


@given(
    seed=seeds,
    channels=st.integers(1, 4),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    size=st.sampled_from([1, 3, 5, 7]),
    dilation=st.integers(1, 5),
)
def test_dilated_depthwise_convolution(seed, channels, height, width, size, dilation):
    x, weight = normal(seed, 2, channels, height, width), normal(seed + 1, channels, 1, size, size)
    bias = normal(seed + 2, channels)
    ours = dilated_depthwise_conv2d(x, weight, bias, dilation)
    theirs = F.conv2d(x, weight, bias, padding=size // 2 * dilation, dilation=dilation, groups=channels)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


whole_boxes = st.lists(
    st.tuples(*[st.integers(0, 30)] * 2, *[st.integers(0, 20)] * 2, st.integers(0, 10**6)),
    max_size=40,
    unique_by=lambda b: b[4],
)


@given(boxes=whole_boxes, threshold=st.sampled_from([0.05, 0.3, 0.5, 0.7, 0.95]), offset=st.sampled_from([0, 1]))
def test_nms(boxes, threshold, offset):
    """Boxes of whole pixels overlap exactly, contain each other, and are empty."""
    rows = torch.tensor(boxes, dtype=torch.float64).view(-1, 5)
    corners = torch.cat([rows[:, :2], rows[:, :2] + rows[:, 2:4]], 1)
    keep = greedy_nms(corners, rows[:, 4], threshold, offset)
    assert keep.tolist() == loops.nms(corners, rows[:, 4], threshold, offset)


@given(
    seed=seeds,
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    corners=st.lists(st.tuples(st.integers(0, 1), *[st.integers(-40, 80)] * 4), min_size=1, max_size=4),
    output=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    scale=st.sampled_from([0.0625, 0.25, 1.0]),
    ratio=st.integers(0, 3),
    mode=st.sampled_from(['avg', 'max']),
    aligned=st.booleans(),
)
def test_roi_align(seed, height, width, corners, output, scale, ratio, mode, aligned):
    """Regions inside, across and beyond the border, empty and in reverse."""
    features, rois = normal(seed, 2, 2, height, width), torch.tensor(corners, dtype=torch.float64)
    args = output, scale, ratio, aligned
    pooled = roi_align_avg(features, rois, *args) if mode == 'avg' else roi_align_max(features, rois, *args)[0]
    expected = loops.roi_align(features, rois, output, scale, ratio, mode, aligned)
    torch.testing.assert_close(pooled, expected, rtol=1e-9, atol=1e-9)
