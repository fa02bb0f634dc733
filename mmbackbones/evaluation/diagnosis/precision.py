"""Average precision, and precision and recall against the score threshold."""

import numpy as np

from .columns import Array
from .figures import ClassFigures, ThresholdCurve
from .matching import AT_50, AT_75, THRESHOLDS, Matches

RECALLS = np.linspace(0, 1, 101)  # at which COCO takes precision
_GRID = np.linspace(0, 1, 1001)  # score thresholds


def interpolated_precision(right: Array, truths: int) -> Array:
    """(101,) the highest precision at each recall of `RECALLS` or above it; 0 where none is reached.

    Args:
        right: (n,) whether each prediction is right, by falling score.
        truths: Number of objects, 1 or more.
    """
    hits = np.cumsum(right)
    precision = hits / (np.arange(1, len(hits) + 1) + np.spacing(1))
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(hits / truths, RECALLS, side='left')
    return np.append(precision, 0)[np.minimum(places, len(hits))]


def class_figures(matches: Matches, names: tuple[str, ...]) -> tuple[ClassFigures, ...]:
    """The figures of each class.

    Args:
        matches: What found what.
        names: Of the classes.
    """
    order = matches.order[matches.counted[matches.order]]
    labels = matches.found.labels[order]
    figures = []
    for label, (name, truths) in enumerate(zip(names, matches.per_class.tolist(), strict=True)):
        found = order[labels == label]
        curves = np.full((len(THRESHOLDS), len(RECALLS)), np.nan)
        if truths:
            for level, curve in enumerate(curves):
                counts = found[~matches.ignored[found, level]]
                curve[:] = interpolated_precision(matches.right[counts, level], truths)
        curve_of_class = threshold_curve(matches, found, truths)
        at = int(np.searchsorted(_GRID, curve_of_class.best)) if truths else 0
        figures.append(
            ClassFigures(
                name=name,
                truths=truths,
                ap=float(curves.mean()),
                ap50=float(curves[AT_50].mean()),
                ap75=float(curves[AT_75].mean()),
                precision=float(curve_of_class.precision[at]) if truths else np.nan,
                recall=float(curve_of_class.recall[at]),
                f1=float(curve_of_class.f1[at]),
                best=curve_of_class.best,
                interpolated=curves[AT_50],
            )
        )
    return tuple(figures)


def threshold_curve(matches: Matches, found: Array, truths: int) -> ThresholdCurve:
    """Precision, recall and F1 of some predictions; recall, F1 and the best threshold are nan without objects.

    Args:
        matches: What found what.
        found: (n,) places of the predictions.
        truths: Number of the objects that there are to find.
    """
    scores = matches.found.scores
    right, wrong = (np.sort(scores[found[kind[found]]]) for kind in (matches.right_50, matches.wrong_50))
    hits, misses = (kind.size - np.searchsorted(kind, _GRID, side='left') for kind in (right, wrong))
    precision = np.divide(hits, hits + misses, out=np.ones(_GRID.size), where=hits + misses > 0)
    if not truths:
        nothing = np.full(_GRID.size, np.nan)
        return ThresholdCurve(_GRID, precision, nothing, nothing, np.nan)
    f1 = 2 * hits / (hits + misses + truths)
    highest = np.flatnonzero(f1 == f1.max())
    best = _GRID[highest[len(highest) // 2]]  # where many are the best, the one that is farthest from all others
    return ThresholdCurve(_GRID, precision, hits / truths, f1, float(best))
