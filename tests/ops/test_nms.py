"""Greedy and soft non-maximum suppression against their definitions."""

import mmcv.ops
import numpy as np
import pytest
import torch

from mmbackbones.ops.mmcv_ext import nms as nms_module
from mmbackbones.ops.mmcv_ext.nms import greedy_nms, nms_match
from mmbackbones.ops.mmcv_ext.soft_nms import softnms
from tests.helpers import operator_loops as loops

METHODS = ['naive', 'linear', 'gaussian']


def random_boxes(n, seed, whole=False):
    """[n, 4] boxes in a 100 x 100 image, many of them overlapping, and n distinct scores."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 80, (n, 2))
    boxes = np.concatenate([low, low + rng.uniform(0, 40, (n, 2))], 1)
    return torch.from_numpy(boxes.round() if whole else boxes), torch.from_numpy(rng.permutation(n) / max(n, 1))


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('whole', [False, True])
@pytest.mark.parametrize('n', [0, 1, 2, 30, 200])
@pytest.mark.parametrize('block', [16, 1000])
def test_greedy_nms(n, whole, offset, block, monkeypatch):
    monkeypatch.setattr(nms_module, '_CPU_BLOCK', block)
    for threshold in (0.1, 0.5, 0.8):
        boxes, scores = random_boxes(n, n, whole)
        keep = greedy_nms(boxes, scores, threshold, offset)
        assert keep.dtype == torch.int64
        assert keep.tolist() == loops.nms(boxes, scores, threshold, offset)


def test_a_chain_of_boxes_keeps_every_other():
    x = torch.arange(500.0)
    boxes = torch.stack([x, 0 * x, x + 2, 0 * x + 1], 1)  # neighbors have an IoU of 1/3, others of 0
    assert greedy_nms(boxes, -x, 0.3, 0).tolist() == list(range(0, 500, 2))


def test_exactly_at_the_threshold(plain):
    boxes, scores = torch.tensor([[0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 1.0, 1.0]]), torch.tensor([0.9, 0.8])  # IoU 0.5
    assert greedy_nms(boxes, scores, 0.5, 0).tolist() == [0, 1]
    assert nms_match(torch.cat([boxes, scores[:, None]], 1), 0.5) == [[0, 1]]
    assert mmcv.ops.soft_nms(boxes, scores, 0.5, method='naive')[1].tolist() == [0]


def test_equal_scores_keep_their_order():
    boxes, _ = random_boxes(100, 0)
    scores = torch.arange(100) // 25 / 4.0
    assert greedy_nms(boxes, scores, 0.4, 0).tolist() == loops.nms(boxes, scores, 0.4, 0)


def test_boxes_without_area_do_not_suppress_each_other():
    boxes = torch.tensor([[3.0, 3.0, 3.0, 3.0]] * 3)
    assert len(greedy_nms(boxes, torch.rand(3), 0.5, 0)) == 3
    assert len(greedy_nms(boxes, torch.rand(3), 0.5, 1)) == 1
    assert nms_match(torch.cat([boxes, torch.tensor([[0.2], [0.9], [0.5]])], 1), 0.5) == [[1], [2], [0]]


def test_nms_of_many_boxes():
    centers = torch.rand(40, 2, dtype=torch.float64) * 1e6
    low = centers.repeat(2500, 1) + torch.rand(100_000, 2, dtype=torch.float64)
    keep = greedy_nms(torch.cat([low, low + 100], 1), torch.rand(100_000), 0.5, 0)
    assert len(keep) == 40


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
def test_nms_in_other_types(dtype, plain):
    boxes, scores = random_boxes(200, 3, whole=True)  # integers below 128 are exact in all of these types
    dets, keep = mmcv.ops.nms(boxes.to(dtype), scores.to(dtype), 0.5)
    assert keep.tolist() == loops.nms(boxes, scores.to(dtype), 0.5, 0)
    assert dets.dtype == dtype


@pytest.mark.parametrize('whole', [False, True])
@pytest.mark.parametrize('n', [1, 2, 60])
def test_nms_match(n, whole):
    boxes, scores = random_boxes(n, n, whole)
    dets = torch.cat([boxes, scores[:, None]], 1)
    assert nms_match(dets, 0.3) == loops.nms_match(dets, 0.3)


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('n', [0, 1, 2, 60])
def test_soft_nms(n, offset, method):
    boxes, scores = random_boxes(n, n)
    dets = torch.full((n, 5), -7.0, dtype=torch.float64)
    keep = softnms(
        boxes, scores, dets, iou_threshold=0.3, sigma=0.5, min_score=0.05, method=METHODS.index(method), offset=offset
    )
    taken = loops.soft_nms(boxes, scores, 0.3, 0.5, 0.05, method, offset)
    assert keep.tolist() == [i for i, _ in taken]
    torch.testing.assert_close(
        dets[: len(keep)],
        torch.cat([boxes[keep], torch.tensor([score for _, score in taken], dtype=torch.float64)[:, None]], 1),
    )
    assert (dets[len(keep) :] == -7).all()


@pytest.mark.parametrize('method', METHODS)
def test_soft_nms_of_boxes_without_area(method, plain):
    boxes = torch.tensor([[3.0, 3.0, 3.0, 3.0]] * 3)
    dets, keep = mmcv.ops.soft_nms(boxes, torch.tensor([0.2, 0.9, 0.5]), method=method)
    assert keep.tolist() == [1, 2, 0]
    torch.testing.assert_close(dets[:, 4], torch.tensor([0.9, 0.5, 0.2]))


@pytest.mark.parametrize('mode', ['iou', 'iof'])
@pytest.mark.parametrize('offset', [0, 1])
def test_bbox_overlaps(mode, offset, plain):
    a, b = random_boxes(7, 1)[0], random_boxes(9, 2)[0]
    expected = torch.tensor([[loops.overlap(x, y, offset) for y in b.tolist()] for x in a.tolist()])
    if mode == 'iof':
        area_a, area_b = ((x[:, 2:] - x[:, :2] + offset).prod(1) for x in (a, b))
        expected = expected / (1 + expected) * (area_a[:, None] + area_b) / area_a[:, None]
    got = mmcv.ops.bbox_overlaps(a, b, mode, offset=offset)
    torch.testing.assert_close(got, expected.double(), rtol=1e-6, atol=1e-7)
    aligned = mmcv.ops.bbox_overlaps(a, b[:7], mode, aligned=True, offset=offset)
    torch.testing.assert_close(aligned, got[:, :7].diagonal())
