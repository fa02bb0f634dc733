"""Which prediction found which object, as COCO's metric decides it, and what overlaps."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pycocotools import mask as coco_mask

from ...utils.progress import track
from .columns import Array, Objects
from .results import Results

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # of IoU, as pycocotools computes them
AT_50, AT_75 = 0, 5  # their places
MAX_FOUND = 100  # predictions of a class in an image that count
FOREGROUND, BACKGROUND = 0.5, 0.1  # IoU: t_f and t_b of TIDE
NONE = -1


@dataclass(frozen=True)
class Overlaps:
    """Pairs of a prediction that counts and an object that overlap by an IoU of at least 0.1; crowds are left out.

    Attributes:
        found: (m,) place of the prediction among all predictions.
        truth: (m,) place of the object among all objects.
        iou: (m,) their IoU.
    """

    found: Array
    truth: Array
    iou: Array

    def where(self, chosen: Array) -> 'Overlaps':
        """Those that are `chosen`, (m,)."""
        return Overlaps(self.found[chosen], self.truth[chosen], self.iou[chosen])


@dataclass(frozen=True)
class Matches:
    """Predictions and the objects that they found.

    Attributes:
        truths: The ground truth.
        found: The predictions.
        classes: Number of classes.
        counted: (n,) whether a prediction counts: it is among the best 100 of its class and image.
        right: (n, 10) whether it is right at each of the `THRESHOLDS`.
        ignored: (n, 10) whether it is of a crowd, so that it is neither right nor wrong.
        truth_of: (n,) place of the object that it found at IoU 0.5, or -1.
        overlaps: What overlaps.
        order: (n,) the predictions by falling score; of one score, in the order in which pycocotools takes them.
    """

    truths: Objects
    found: Objects
    classes: int
    counted: Array
    right: Array
    ignored: Array
    truth_of: Array
    overlaps: Overlaps
    order: Array

    @cached_property
    def right_50(self) -> Array:
        """(n,) whether a prediction is right at IoU 0.5."""
        return self.right[:, AT_50]

    @cached_property
    def wrong_50(self) -> Array:
        """(n,) whether a prediction that counts is wrong at IoU 0.5."""
        return self.counted & ~self.right[:, AT_50] & ~self.ignored[:, AT_50]

    @cached_property
    def per_class(self) -> Array:
        """(C,) number of objects of each class, crowds aside."""
        return np.bincount(self.truths.labels[~self.truths.crowds], minlength=self.classes)


def match(results: Results) -> Matches:
    """Match the predictions of a detector with the ground truth.

    Args:
        results: Of the task ``bbox`` or ``segm``.
    """
    truths, found = results.truths, results.found
    count = len(found)
    counted, truth_of = np.zeros(count, bool), np.full(count, NONE)
    right, ignored = (np.zeros((count, len(THRESHOLDS)), bool) for _ in range(2))
    pairs = [(np.zeros(0, int), np.zeros(0, int), np.zeros(0))]
    for place in track(range(len(results.images)), len(results.images), 'Comparing'):
        here, true = found.of_image(place), truths.of_image(place)
        first, first_truth = int(found.starts[place]), int(truths.starts[place])
        ious = _ious(here, true)
        order = np.lexsort((-here.scores, here.labels))
        sorted_labels = here.labels[order]
        rank_in_class = np.arange(len(order)) - np.searchsorted(sorted_labels, sorted_labels)
        counted[first + order[rank_in_class < MAX_FOUND]] = True
        for label in np.unique(true.labels).tolist():
            rows = order[slice(*np.searchsorted(sorted_labels, (label, label + 1)))][:MAX_FOUND]
            columns = np.flatnonzero(true.labels == label)
            if rows.size:
                matched = match_class(ious[np.ix_(rows, columns)], true.crowds[columns])
                crowd = (matched != NONE) & true.crowds[columns[matched]]
                right[first + rows], ignored[first + rows] = (matched != NONE) & ~crowd, crowd
                hits = right[first + rows, AT_50]
                truth_of[first + rows[hits]] = first_truth + columns[matched[hits, AT_50]]
        near = (ious >= BACKGROUND) & ~true.crowds & counted[first : first + len(here), None]
        rows, columns = np.nonzero(near)
        pairs.append((first + rows, first_truth + columns, ious[rows, columns]))
    rank = np.argsort(np.argsort([image.id for image in results.images]))
    return Matches(
        truths=truths,
        found=found,
        classes=len(results.classes),
        counted=counted,
        right=right,
        ignored=ignored,
        truth_of=truth_of,
        overlaps=Overlaps(*map(np.concatenate, zip(*pairs, strict=True))),
        order=np.lexsort((np.arange(count), rank[found.images], -found.scores)),
    )


def match_class(ious: Array, crowds: Array) -> Array:
    """Match the predictions of one class in an image with its objects.

    One after the other takes the object that it overlaps most of those not taken yet, or else a crowd, which any number
    may take.

    Args:
        ious: (d, g) IoU of predictions, by falling score, and objects.
        crowds: (g,) which objects are crowds.

    Returns:
        (d, 10) at each of the `THRESHOLDS` the place of the object, or -1.
    """
    matched = np.full((len(ious), len(THRESHOLDS)), NONE)
    groups = np.flatnonzero(~crowds), np.flatnonzero(crowds)
    taken = np.zeros((len(THRESHOLDS), len(groups[0])), bool)
    levels = np.arange(len(THRESHOLDS))
    for row in np.flatnonzero(ious.max(1) >= FOREGROUND).tolist():
        for group, is_crowd in zip(groups, (False, True), strict=True):
            if not group.size:
                continue
            free = np.tile(ious[row, group], (len(levels), 1))
            if not is_crowd:
                free[taken] = NONE
            best = group.size - 1 - np.argmax(free[:, ::-1], 1)  # the last of equal ones, as pycocotools has it
            hits = (free[levels, best] >= THRESHOLDS) & (matched[row] == NONE)
            matched[row, hits] = group[best[hits]]
            if not is_crowd:
                taken[levels[hits], best[hits]] = True
    return matched


def _ious(found: Objects, truths: Objects) -> Array:
    """(d, g) IoU of boxes, or of masks; with a crowd, the share of the prediction that it covers."""
    if not len(found) or not len(truths):
        return np.zeros((len(found), len(truths)))
    shapes: list[Array | Sequence[dict]] = []
    for objects in found, truths:
        shapes.append(objects.boxes if objects.masks is None else list(objects.masks))
    return np.asarray(coco_mask.iou(*shapes, truths.crowds.astype(np.uint8).tolist()))
