"""What a segmentor got right and wrong, pixel by pixel, computed from run lengths."""

import numpy as np
from pycocotools import mask as coco_mask

from ...utils.progress import track
from .columns import Array, Objects
from .figures import ImageFigures, SegmentationClass, SegmentationDiagnosis
from .results import Results


def diagnose_segmentation(results: Results) -> SegmentationDiagnosis:
    """Compare label maps.

    Args:
        results: Of the task ``semantic``.
    """
    count = len(results.classes)
    confusion = np.zeros((count, count), np.int64)
    figures = []
    for place, image in enumerate(track(results.images, len(results.images), 'Comparing')):
        here = _confusion(results.truths.of_image(place), results.found.of_image(place), count)
        confusion += here
        iou = _ratios(here)[0]
        right, total = int(np.trace(here)), int(here.sum())
        score = float(np.nanmean(iou)) if total else 1.0
        figures.append(ImageFigures(image.id, right, total - right, 0, score))
    figures.sort(key=lambda item: (item.score, -item.wrong))
    of_class = zip(
        results.classes, confusion.sum(1).tolist(), *(kind.tolist() for kind in _ratios(confusion)), strict=True
    )
    return SegmentationDiagnosis(tuple(SegmentationClass(*values) for values in of_class), confusion, tuple(figures))


def _confusion(truths: Objects, found: Objects, count: int) -> Array:
    """(C, C) numbers of pixels of an image: rows are true classes, columns predicted ones."""
    confusion = np.zeros((count, count), np.int64)
    if len(truths) and len(found):
        predicted, true = list(found.masks or ()), list(truths.masks or ())
        # Of a crowd, pycocotools gives the share of the prediction that it covers, and so the pixels in both.
        shares = coco_mask.iou(predicted, true, [1] * len(true))
        pixels = np.rint(shares * coco_mask.area(predicted)[:, None]).astype(np.int64)
        np.add.at(confusion, (truths.labels[None], found.labels[:, None]), pixels)
    return confusion


def _ratios(confusion: Array) -> tuple[Array, Array, Array]:
    """IoU, accuracy and precision of each class; nan where there is none."""
    right, true, predicted = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    with np.errstate(invalid='ignore'):
        return right / (true + predicted - right), right / true, right / predicted
