"""Objects whose labels may be wrong: confident predictions contradict them.

A model learns what most labels say, and a few wrong ones hardly change it. So where it is sure of something else, the
label may be wrong. Every object gets a suspicion from 0 to 1, the largest of three:

- ``class``: another class is predicted there. The score of that prediction, times how little the annotated class is.
- ``place``: its class is predicted, but elsewhere, at an IoU from 0.1 to 0.5. A third of the same product.
- ``spurious``: nothing is predicted there. A third of what is lacking, less so of classes that are often missed.

Predictions above their class's best threshold that overlap no object are ``missing`` objects, with a third of their
score. A class that is predicted for sure says more than one that is not predicted, hence the thirds.
"""

from collections.abc import Iterator

import numpy as np
from pycocotools import mask as coco_mask

from .columns import Array
from .errors_by_kind import Errors, largest
from .figures import ClassFigures, LabelError
from .matching import FOREGROUND, NONE, Matches
from .results import TestedImage

_WEAKER = 1 / 3


def label_errors(
    matches: Matches, errors: Errors, classes: tuple[ClassFigures, ...], images: tuple[TestedImage, ...]
) -> tuple[LabelError, ...]:
    """All objects but crowds, and those that may be missing, the most suspicious first.

    Args:
        matches: What found what.
        errors: The kind of error that each prediction is.
        classes: The figures of each class.
        images: All images.
    """
    found, truths, overlaps = matches.found, matches.truths, matches.overlaps
    scores = np.clip(found.scores, 0, 1)[overlaps.found]
    same = found.labels[overlaps.found] == truths.labels[overlaps.truth]
    close = overlaps.iou >= FOREGROUND
    # A prediction that is of another object, or repeats one that is, says nothing about its neighbors.
    explained = np.zeros(len(found), bool)
    explained[overlaps.found[same & close]] = True
    stray = ~explained[overlaps.found]

    def strongest(pairs: Array) -> tuple[Array, Array]:
        return largest(overlaps.truth[pairs], overlaps.found[pairs], scores[pairs], len(truths))

    agreed, _ = strongest(same & close)
    other, by_other = strongest(~same & close & stray)
    near, by_near = strongest(same & ~close & stray)
    recalls = np.array([0.0 if np.isnan(figures.recall) else figures.recall for figures in classes])
    suspicions = np.stack(
        [
            other * (1 - agreed),
            _WEAKER * near * (1 - agreed),
            _WEAKER * (1 - np.max([agreed, other, near], 0)) * recalls[truths.labels],
        ]
    )
    kinds, of_image = suspicions.argmax(0), truths.images
    listed = []
    for place in np.flatnonzero(~truths.crowds).tolist():
        kind = int(kinds[place])
        by = (by_other[place], by_near[place], NONE)[kind]
        listed.append(
            LabelError(
                image_id=images[of_image[place]].id,
                kind=('class', 'place', 'spurious')[kind],
                truth_id=int(truths.ids[place]),
                box=_box(truths.boxes[place]),
                label=int(truths.labels[place]),
                predicted=None if by == NONE else int(found.labels[by]),
                suspicion=float(suspicions[kind, place]),
            )
        )
    return tuple(sorted((*listed, *_missing(matches, errors, classes, images)), key=lambda item: -item.suspicion))


def _missing(
    matches: Matches, errors: Errors, classes: tuple[ClassFigures, ...], images: tuple[TestedImage, ...]
) -> Iterator[LabelError]:
    """Confident predictions where nothing is annotated; of those that overlap, the one with the highest score."""
    found, of_image = matches.found, matches.found.images
    sure = found.scores >= np.array([figures.best for figures in classes])[found.labels]
    listed: dict[int, list[int]] = {}
    for place in matches.order[((errors.kind == 'background') & sure)[matches.order]].tolist():
        before = listed.setdefault(int(of_image[place]), [])
        box = found.boxes[place, None]
        if not before or coco_mask.iou(box, found.boxes[before], [0] * len(before)).max() < FOREGROUND:
            before.append(place)
            yield LabelError(
                image_id=images[of_image[place]].id,
                kind='missing',
                truth_id=None,
                box=_box(found.boxes[place]),
                label=None,
                predicted=int(found.labels[place]),
                suspicion=_WEAKER * float(min(found.scores[place], 1)),
            )


def _box(box: Array) -> tuple[float, float, float, float]:
    x, y, width, height = box.tolist()
    return x, y, width, height
