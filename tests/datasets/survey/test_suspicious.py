"""Labels that may be wrong."""

import numpy as np
import pytest

from mmbackbones.datasets.checks.findings import Findings, RepairedBox
from mmbackbones.datasets.survey.label_maps import LabelMaps
from mmbackbones.datasets.survey.objects import Objects
from mmbackbones.datasets.survey.suspicious import find_suspects, odd_maps, repaired_suspects

CLASSES = ('cat', 'dog')


def _objects(*boxes: tuple, size: tuple[int, int] = (640, 480)) -> Objects:
    """Objects of one image: class, left, top, right, bottom."""
    labels, corners = [box[0] for box in boxes], [box[1:] for box in boxes]
    return Objects(
        paths=('a.jpg',),
        sizes=np.array([size]),
        image=np.zeros(len(boxes), np.int64),
        label=np.array(labels, np.int64),
        boxes=np.array(corners, np.float64).reshape(-1, 4),
        used=np.ones(len(boxes), bool),
        masks={},
    )


@pytest.mark.parametrize(
    ('boxes', 'kinds'),
    [
        ([(0, 10, 10, 110, 110), (0, 11, 10, 110, 112)], ['repeated']),
        ([(0, 10, 10, 110, 110), (1, 11, 10, 110, 112)], ['two classes']),
        ([(0, 10, 10, 110, 110), (0, 40, 10, 140, 110)], []),
        ([(0, 1, 1, 640, 479)], ['covering']),
        ([(0, 10, 10, 12, 200)], ['tiny']),
        ([(0, 0, 10, 4, 200)], ['sliver']),
        ([(0, 300, 10, 304, 200)], []),
        ([(0, 10, 476, 200, 480)], ['sliver']),
        ([(0, 0, 10, 2, 200)], ['tiny']),  # told of once
        ([], []),
    ],
)
def test_boxes(boxes, kinds):
    assert [suspect.kind for suspect in find_suspects(_objects(*boxes), CLASSES)] == kinds


def test_both_boxes_of_a_pair_are_told_with_their_classes():
    (suspect,) = find_suspects(_objects((0, 10, 10, 110, 110), (1, 11, 10, 110, 112)), CLASSES)
    assert suspect.names == CLASSES
    assert suspect.boxes == ((10, 10, 110, 110), (11, 10, 110, 112))


def test_a_crowd_of_boxes_is_compared_in_bounded_memory(monkeypatch):
    monkeypatch.setattr('mmbackbones.datasets.survey.suspicious._MAX_COMPARED', 10)
    boxes = [(0, 20 * place, 10, 20 * place + 15, 40) for place in range(30)]
    found = find_suspects(_objects(*boxes, boxes[3], boxes[25], size=(700, 480)), CLASSES)
    assert sorted(suspect.boxes[0][0] for suspect in found) == [60, 500]


def test_boxes_that_were_repaired():
    findings = Findings(boxes=[RepairedBox('a.jpg', 'cat', (600, 10, 100, 20), 'clipped')])
    (suspect,) = repaired_suspects(findings)
    assert (suspect.kind, suspect.boxes, suspect.names) == ('clipped', ((600, 10, 700, 30),), ('cat',))


def test_label_maps():
    maps = LabelMaps(('a', 'b', 'c', 'd'), ('',) * 4, ({255: 9}, {0: 9}, {0: 5, 1: 4}, {1: 5, 255: 4}))
    assert [(suspect.image, suspect.kind, suspect.names) for suspect in odd_maps(maps, CLASSES)] == [
        ('a', 'ignored', ()),
        ('b', 'one class', ('cat',)),
    ]
    assert odd_maps(maps, ('cat',))[1:] == []
