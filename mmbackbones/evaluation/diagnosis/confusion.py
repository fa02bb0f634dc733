"""What is taken for what, and how well each image is predicted."""

import numpy as np

from .columns import Array
from .figures import ImageFigures
from .matching import FOREGROUND, Matches
from .results import TestedImage


def confusion_matrix(matches: Matches, threshold: float) -> Array:
    """(C + 1, C + 1) numbers of objects, see :class:`~.figures.DetectionDiagnosis`.

    Predictions that are right are on the diagonal. The others take, by falling score, the object that they overlap most
    of those that are left, of whatever class, at an IoU of at least 0.5.

    Args:
        matches: What found what.
        threshold: Predictions of a lower score are left out.
    """
    found, truths, overlaps = matches.found, matches.truths, matches.overlaps
    counts = np.zeros((matches.classes + 1, matches.classes + 1), np.int64)
    above = found.scores >= threshold
    right, wrong = matches.right_50 & above, matches.wrong_50 & above
    np.add.at(counts, (found.labels[right], found.labels[right]), 1)
    left = ~truths.crowds
    left[matches.truth_of[right]] = False
    pairs = overlaps.where((overlaps.iou >= FOREGROUND) & wrong[overlaps.found] & left[overlaps.truth])
    for pair in np.lexsort((-pairs.iou, pairs.found, -found.scores[pairs.found])).tolist():
        one, truth = pairs.found[pair], pairs.truth[pair]
        if wrong[one] and left[truth]:
            counts[truths.labels[truth], found.labels[one]] += 1
            wrong[one] = left[truth] = False
    counts[-1, :-1] += np.bincount(found.labels[wrong], minlength=matches.classes)
    counts[:-1, -1] += np.bincount(truths.labels[left], minlength=matches.classes)
    return counts


def image_figures(matches: Matches, images: tuple[TestedImage, ...], threshold: float) -> tuple[ImageFigures, ...]:
    """The figures of all images, the worst first: by F1, and of the same F1 that with the most errors.

    Args:
        matches: What found what.
        images: All images.
        threshold: Predictions of a lower score are left out.
    """
    above = matches.found.scores >= threshold
    of_image = matches.found.images
    right = np.bincount(of_image[matches.right_50 & above], minlength=len(images))
    wrong = np.bincount(of_image[matches.wrong_50 & above], minlength=len(images))
    truths = np.bincount(matches.truths.images[~matches.truths.crowds], minlength=len(images))
    missed = truths - right
    all_objects = 2 * right + wrong + missed
    score = np.divide(2 * right, all_objects, out=np.ones(len(images)), where=all_objects > 0)
    order = np.lexsort((right, -(wrong + missed), score))
    return tuple(
        ImageFigures(images[i].id, int(right[i]), int(wrong[i]), int(missed[i]), float(score[i]))
        for i in order.tolist()
    )
