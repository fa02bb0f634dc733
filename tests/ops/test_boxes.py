"""Overlaps of boxes."""

import pytest
import torch

from mmbackbones.ops.mmcv_ext.boxes import bbox_overlaps, box_overlaps

BOX = torch.tensor([0.0, 0, 4, 4])
# Another box -> its intersection with BOX, and its area, with edges as coordinates and with last pixels.
OTHERS = {
    'same': ([0.0, 0, 4, 4], (16, 16), (25, 25)),
    'part': ([2.0, 1, 6, 4], (6, 12), (12, 20)),
    'inside': ([1.0, 1, 2, 2], (1, 1), (4, 4)),
    'touching': ([4.0, 0, 8, 4], (0, 16), (5, 25)),
    'beyond': ([6.0, 6, 7, 7], (0, 1), (0, 4)),
    'beyond along both axes, on opposite sides': ([-9.0, 9, -6, 12], (0, 9), (0, 16)),
}


@pytest.mark.parametrize('iof', [False, True])
@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('name', OTHERS)
def test_box_overlaps(name, offset, iof):
    other, *areas = OTHERS[name]
    inter, area = areas[offset]
    own = (4 + offset) ** 2
    expected = inter / (own if iof else own + area - inter)
    assert box_overlaps(BOX, torch.tensor(other), offset, iof).item() == pytest.approx(expected)


def test_boxes_broadcast_and_stay_as_they_are():
    boxes = torch.tensor([other for other, *_ in OTHERS.values()])
    before = boxes.clone()
    found = box_overlaps(boxes[:, None], boxes)
    assert found.shape == (len(boxes), len(boxes))
    assert torch.equal(found, found.T)
    assert torch.equal(found.diagonal(), torch.ones(len(boxes)))
    assert torch.equal(boxes, before)


def test_two_boxes_without_area_have_no_overlap_to_speak_of():
    assert box_overlaps(torch.zeros(4), torch.zeros(4)).isnan()


@pytest.mark.parametrize('mode', [0, 1])
@pytest.mark.parametrize('aligned', [False, True])
def test_bbox_overlaps_fills_what_mmcv_allocates(aligned, mode):
    boxes1 = torch.tensor([[0.0, 0, 4, 4], [2, 1, 6, 4]])
    boxes2 = torch.tensor([[2.0, 1, 6, 4], [1, 1, 2, 2]])
    ious = torch.full((2,) if aligned else (2, 2), -1.0)
    bbox_overlaps(boxes1, boxes2, ious, mode, aligned, 0)
    expected = torch.tensor([[6 / 22, 1 / 16], [1.0, 0.0]]) if mode == 0 else torch.tensor([[6 / 16, 1 / 16], [1, 0]])
    torch.testing.assert_close(ious, expected.diagonal() if aligned else expected)
