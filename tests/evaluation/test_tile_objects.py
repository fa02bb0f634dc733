"""What an exact detector finds in tiles and in the whole image becomes every object, once."""

import numpy as np
import pytest

from mmbackbones.evaluation.tiles.objects import View, merge_objects
from mmbackbones.evaluation.tiles.windows import Window, place_windows


def scene(generator, width, height):
    """Boxes of two classes; some lie upon one another, but no two of a class by more than a fifth."""
    boxes, labels = [], []
    for _ in range(60):
        w, h = np.exp(generator.uniform(np.log(8), np.log(400), 2))
        if w > width or h > height:
            continue
        x, y = generator.uniform(0, width - w), generator.uniform(0, height - h)
        box, label = np.array([x, y, x + w, y + h]), int(generator.integers(2))
        for other, its in zip(boxes, labels, strict=True):
            common = np.prod(np.maximum(np.minimum(box, other)[2:] - np.maximum(box, other)[:2], 0))
            if its == label and common > 0.2 * min(w * h, np.prod(other[2:] - other[:2])):
                break
        else:
            boxes.append(box)
            labels.append(label)
    return np.array(boxes), np.array(labels)


def find(generator, view, boxes, labels):
    """What a view shows of objects of at least 3 pixels there, with scores that are lower for pieces."""
    left, top, right, bottom = view.window
    shown = np.clip(boxes, [left, top, left, top], [right, bottom, right, bottom])
    seen = (shown[:, 2:] - shown[:, :2]).min(1) >= 3 * view.pixel
    scores = generator.uniform(0.4, 1, len(boxes)) * np.where((shown == boxes).all(1), 1, 0.7)
    return shown[seen].astype(np.float32), scores[seen].astype(np.float32), labels[seen]


def merged(found, views):
    boxes, scores, labels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    view = np.repeat(np.arange(len(views)), [len(part[0]) for part in found])
    return merge_objects(boxes, scores, labels, view, views)


@pytest.mark.parametrize('overlap', [0.0, 0.2, 0.5])
@pytest.mark.parametrize('seed', range(8))
def test_every_object_once(seed, overlap):
    generator = np.random.default_rng(seed)
    width, height = (int(side) for side in generator.integers(300, 1200, 2))
    tile = tuple(int(side) for side in generator.integers(100, 400, 2))
    boxes, labels = scene(generator, width, height)
    views = [View.of(Window(0, 0, width, height), width, height, pixel=2.5)]
    views += [View.of(window, width, height, 1) for window in place_windows(width, height, tile, overlap)]
    objects = merged([find(generator, view, boxes, labels) for view in views], views)
    distances = np.abs(objects.boxes[:, None] - boxes).max(-1) + 1000 * (objects.labels[:, None] != labels)
    # Without overlap, less than 3 pixels beyond a border are not seen.
    assert (distances.min(0) < (1.5 if overlap else 3)).all()
    assert len(objects.boxes) == len(boxes)
    assert (np.diff(objects.scores) <= 0).all()


@pytest.mark.parametrize('gap', [0, 3])
def test_a_crowd_of_equal_objects_side_by_side(gap):
    generator = np.random.default_rng(0)
    x, y = np.mgrid[0 : 300 - 12 : 12 + gap, 0 : 240 - 12 : 12 + gap].reshape(2, -1)
    boxes, labels = np.stack([x, y, x + 12, y + 12], 1).astype(float), np.zeros(len(x), int)
    views = [View.of(Window(0, 0, 300, 240), 300, 240, pixel=2.5)]
    views += [View.of(window, 300, 240, 1) for window in place_windows(300, 240, (100, 90), 0.2)]
    found = [find(generator, view, boxes, labels) for view in views]
    off = [(part + generator.uniform(-0.7, 0.7, part.shape).astype(np.float32), *rest) for part, *rest in found]
    objects = merged(off, views)
    assert len(objects.boxes) == len(boxes)
    assert (np.abs(objects.boxes[:, None] - boxes).max(-1).min(0) < 2).all()


TILES = [View.of(Window(0, 0, 100, 100), 180, 100, 1), View.of(Window(80, 0, 180, 100), 180, 100, 1)]


def merge_two(first, second, scores=(0.6, 0.9)):
    """Boxes found in two tiles that share the columns from 80 to 100."""
    found = [
        (np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), score, np.float32), np.zeros(len(boxes), int))
        for boxes, score in zip((first, second), scores, strict=True)
    ]
    return merged(found, TILES)


def test_pieces_are_joined():
    objects = merge_two([[40, 20, 100, 50]], [[80, 20, 140, 50]])
    assert objects.boxes.tolist() == [[40, 20, 140, 50]]
    assert objects.scores.tolist() == pytest.approx([0.9])
    assert sorted(objects.sources[0]) == [0, 1]


def test_a_piece_gives_way_to_a_whole_of_a_lower_score():
    objects = merge_two([[85, 20, 100, 50]], [[85, 20, 130, 50]], scores=(0.9, 0.6))
    assert objects.boxes.tolist() == [[85, 20, 130, 50]]
    assert objects.scores.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize('second', [[[80, 60, 140, 90]], [[101, 20, 140, 50]], [[80, 52, 140, 80]]])
def test_neighbors_are_not_joined(second):
    first = [40, 20, 100, 50]
    assert sorted(merge_two([first], second).boxes.tolist()) == sorted([first, *second])


def test_two_in_one_tile_stay_two():
    boxes = [[10, 10, 40, 40], [12, 10, 42, 40]]
    assert sorted(merge_two(boxes, []).boxes.tolist()) == boxes


def test_nothing_is_found():
    assert merge_two([], []).boxes.shape == (0, 4)
