"""Objects of two runtimes: differences of rounding pass, and anything else does not."""

from dataclasses import replace

import numpy as np
import pytest

from mmbackbones.export.object_match import Decisions, Objects, compare_objects

DECISIONS = Decisions(iou_threshold=0.5, score_thr=0.05, max_per_img=100)


def objects(count: int = 8, seed: int = 0) -> Objects:
    """Objects that are far from each other, by falling score."""
    rng = np.random.default_rng(seed)
    corner = np.stack([np.arange(count) * 60, rng.uniform(0, 20, count)], 1)
    boxes = np.concatenate([corner, corner + rng.uniform(20, 40, (count, 2))], 1).astype(np.float32)
    scores = np.sort(rng.uniform(0.2, 0.9, count))[::-1].astype(np.float32)
    masks = np.zeros((count, 60, count * 60), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int), strict=True):
        mask[y1:y2, x1:x2] = True
    return Objects(boxes, scores, rng.integers(0, 3, count), masks)


def without(found: Objects, index: int) -> Objects:
    return Objects(*(np.delete(values, index, 0) for values in vars(found).values()))


def shifted(found: Objects, pixels: float) -> Objects:
    return replace(found, boxes=found.boxes + np.float32(pixels))


def problem(found: Objects, expected: Objects | None = None, candidates: Objects | None = None, **decisions) -> str:
    expected = objects() if expected is None else expected
    decided = replace(DECISIONS, **decisions)
    return compare_objects(found, expected, candidates or expected, decided).problem


def test_the_same_objects_in_another_order():
    one = objects()
    order = np.random.default_rng(1).permutation(len(one))
    difference = compare_objects(Objects(*(values[order] for values in vars(one).values())), one, one, DECISIONS)
    assert (difference.score, difference.pixels, difference.problem) == (0, 0, '')


def test_rounding_is_measured():
    one = objects()
    found = replace(shifted(one, 0.01), scores=one.scores - np.float32(1e-5))
    difference = compare_objects(found, one, one, DECISIONS)
    assert difference.problem == ''
    assert difference.score == pytest.approx(1e-5, rel=0.01)
    assert difference.pixels == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (lambda one: shifted(one, 1), 'is none of PyTorch: the nearest one differs by 0 of a score and 1 pixels'),
        (lambda one: replace(one, scores=one.scores - np.float32(0.01)), 'differs by 0.01 of a score'),
        (lambda one: replace(one, labels=one.labels[::-1]), 'is none of PyTorch'),
        (lambda one: replace(one, labels=one.labels + 5), 'is none of PyTorch'),
        (lambda one: without(one, 0), 'the file lacks an object of PyTorch: label'),
        (lambda one: without(one, 7), 'the file lacks an object of PyTorch: label'),
        (lambda one: Objects(*(values[:0] for values in vars(one).values())), 'the file lacks an object'),
        (lambda one: replace(one, masks=np.roll(one.masks, 1, 2)), 'the mask of label'),
        (lambda one: replace(one, masks=~one.masks), 'the mask of label'),
    ],
)
def test_damage_is_found(damage, message):
    assert message in problem(damage(objects()))


def test_nothing_found_by_both():
    none = Objects(*(values[:0] for values in vars(objects()).values()))
    assert problem(none, none) == ''
    assert 'is none of PyTorch' in problem(objects(), none)


def test_an_object_that_the_candidates_hold_but_nothing_suppresses():
    one = objects()
    assert 'the file has an object that PyTorch does not have' in problem(one, without(one, 3), one)


@pytest.mark.parametrize('swap', [False, True])
def test_two_equally_good_boxes_of_which_one_suppresses_the_other(swap):
    one = objects()
    boxes = one.boxes[:1] + np.float32([3, 0, 3, 0])
    rival = Objects(boxes, one.scores[:1] - np.float32(1e-7), one.labels[:1], one.masks[:1])
    other = Objects(*(np.concatenate([values, rest[1:]]) for values, rest in
                      zip(vars(rival).values(), vars(one).values(), strict=True)))  # fmt: skip
    candidates = Objects(*(np.concatenate([values, more]) for values, more in
                           zip(vars(one).values(), vars(rival).values(), strict=True)))  # fmt: skip
    found, expected = (other, one) if swap else (one, other)
    assert problem(found, expected, candidates) == ''
    # Not if the rival is clearly worse.
    rival.scores[:] -= 0.01
    worse = replace(other, scores=np.concatenate([rival.scores, other.scores[1:]]))
    candidates = Objects(*(np.concatenate([values, more]) for values, more in
                           zip(vars(one).values(), vars(rival).values(), strict=True)))  # fmt: skip
    assert problem(worse, one, candidates) != ''


def test_scores_at_the_threshold():
    one = objects()
    assert problem(without(one, 7), one, score_thr=float(one.scores[7]) - 1e-7) == ''
    assert problem(without(one, 7), one, score_thr=float(one.scores[7]) - 1e-3) != ''


def test_the_last_object_that_is_kept():
    one = objects()
    scores = one.scores.copy()
    scores[7] = scores[6]
    one = replace(one, scores=scores)
    assert problem(without(one, 7), without(one, 6), one, max_per_img=7) == ''
    assert problem(without(one, 7), without(one, 6), one, max_per_img=100) != ''


def joined(one: Objects, other: Objects) -> Objects:
    return Objects(*(np.concatenate(pair) for pair in zip(vars(one).values(), vars(other).values(), strict=True)))


def test_a_file_that_breaks_rules_by_itself():
    """PyTorch has what suppresses the additional objects, but so has the file."""
    one = objects()
    duplicates = replace(shifted(one, 3), scores=one.scores - np.float32(0.1))
    everything = joined(one, duplicates)
    assert 'an object that suppresses another one' in problem(everything, one, everything)
    assert problem(everything, one, everything, iou_threshold=1.0, max_per_img=8) == (
        'the file has 16 objects in an image, and at most 8 are kept'
    )
    apart = replace(shifted(one, 3), labels=one.labels + 1)
    assert 'suppresses another one' in problem(joined(one, apart), one, joined(one, apart), class_agnostic=True)
    assert 'below the threshold' in problem(one, without(one, 7), one, score_thr=float(one.scores[7]) + 0.01)


def test_labels_that_suppress_each_other():
    one = objects()
    rival = replace(one, boxes=one.boxes + np.float32([2, 0, 2, 0]), labels=one.labels + 1)
    candidates = Objects(*(np.concatenate(pair) for pair in
                           zip(vars(one).values(), vars(rival).values(), strict=True)))  # fmt: skip
    assert problem(rival, one, candidates, class_agnostic=True) == ''
    assert problem(rival, one, candidates) != ''
