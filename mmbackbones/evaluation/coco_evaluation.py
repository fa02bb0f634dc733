"""COCO's evaluation with the arithmetic of pycocotools, on arrays.

pycocotools matches and accumulates image by image in Python, which takes a minute for 5,000 images. Here the same
comparisons are made for many images and classes at once, and the figures are equal to the last digit. (Those of
faster-coco-eval are not: it leaves out what pycocotools adds to the denominator of a precision.)
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pycocotools.cocoeval import COCOeval

from .coco_matching import list_detections, list_objects, match

_Bools = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]


class ArrayCOCOeval(COCOeval):
    """pycocotools' ``COCOeval`` for boxes and masks of classes, which has no ``evalImgs``.

    The parameters are not to be changed between :meth:`evaluate` and :meth:`summarize`.
    """

    def evaluate(self) -> None:
        """Match the detections with the objects."""
        params = self.params
        params.imgIds, params.catIds = list(np.unique(params.imgIds)), list(np.unique(params.catIds))
        params.maxDets = sorted(params.maxDets)
        self._prepare()
        places = {image: place for place, image in enumerate(params.imgIds)}
        firsts = {category: place * len(places) for place, category in enumerate(params.catIds)}
        keys = {(image, category): firsts[category] + places[image] for image, category in [*self._gts, *self._dts]}
        areas = np.array(params.areaRng, np.float64)
        self._objects = list_objects(self._gts, keys, areas)
        self._found = list_detections(self._dts, keys, params.maxDets[-1], (len(areas), len(params.iouThrs)))
        shape = 'segmentation' if params.iouType == 'segm' else 'bbox'
        match(self._found, self._objects, shape, np.array(params.iouThrs, np.float64), areas)

    def accumulate(self, p: Any = None) -> None:
        """Compute precision and recall of each class, range of areas and number of detections."""
        params, found, objects = self.params, self._found, self._objects
        sizes = len(params.catIds), len(params.areaRng), len(params.maxDets)
        thresholds, recalls = len(params.iouThrs), len(params.recThrs)
        precision, recall = np.full((thresholds, recalls, *sizes), -1.0), np.full((thresholds, *sizes), -1.0)
        scores = precision.copy()
        bounds = np.arange(sizes[0] + 1) * len(params.imgIds)
        of_class = [np.searchsorted(items.keys, bounds) for items in (found, objects)]
        for category in range(sizes[0]):
            those, truth = (slice(*begins[category : category + 2]) for begins in of_class)
            positives = (~objects.ignored[truth]).sum(0)
            order = np.argsort(-found.scores[those], kind='stable') + those.start
            for area, most in np.ndindex(sizes[1:]):
                if positives[area]:
                    chosen = order[found.ranks[order] < params.maxDets[most]]
                    hits, ignored = found.matched[chosen, area].T, found.ignored[chosen, area].T
                    curve = _curve(hits, ignored, found.scores[chosen], positives[area], params.recThrs)
                    precision[:, :, category, area, most] = curve.precision
                    recall[:, category, area, most] = curve.recall
                    scores[:, :, category, area, most] = curve.scores
        counts = [thresholds, recalls, *sizes]
        self.eval = dict(params=params, counts=counts, precision=precision, recall=recall, scores=scores)


class _Curve(NamedTuple):
    """Precision and scores at each recall, (thresholds, recalls), and the recall of all detections, (thresholds)."""

    precision: _Floats
    scores: _Floats
    recall: _Floats


def _curve(hits: _Bools, ignored: _Bools, scores: _Floats, positives: int, recalls: _Floats) -> _Curve:
    """The curve of detections in falling order of their scores.

    Args:
        hits: Whether they match an object, (thresholds, N).
        ignored: Whether they do not count, (thresholds, N).
        scores: Their scores.
        positives: Number of objects.
        recalls: Where to read the curve.
    """
    right = (hits & ~ignored).cumsum(1).astype(np.float64)
    wrong = (~hits & ~ignored).cumsum(1).astype(np.float64)
    recall = right / positives
    precision = right / (wrong + right + np.spacing(1))
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    read = np.zeros((2, len(hits), len(recalls)))
    for number, values in enumerate(recall):
        places = np.searchsorted(values, recalls)
        places = places[places < len(scores)]
        read[:, number, : len(places)] = precision[number, places], scores[places]
    return _Curve(read[0], read[1], recall[:, -1] if len(scores) else np.zeros(len(hits)))
