"""All figures of a test."""

import numpy as np

from .confusion import confusion_matrix, image_figures
from .errors_by_kind import error_kinds, sort_errors
from .examples import with_examples
from .figures import DetectionDiagnosis, SegmentationDiagnosis
from .label_errors import label_errors
from .matching import match
from .precision import class_figures, threshold_curve
from .results import Results
from .segmentation import diagnose_segmentation

_ANY = 0.5  # the score threshold where there is no object, and so no best one


def diagnose(results: Results) -> DetectionDiagnosis | SegmentationDiagnosis:
    """Tell what a model got right and wrong.

    Args:
        results: What :func:`~mmbackbones.evaluation.diagnosis.read_results` gives.
    """
    if results.task == 'semantic':
        return diagnose_segmentation(results)
    matches = match(results)
    classes = class_figures(matches, results.classes)
    curve = threshold_curve(matches, np.arange(len(results.found)), int(matches.per_class.sum()))
    threshold = _ANY if np.isnan(curve.best) else curve.best
    errors = sort_errors(matches)
    curves = [figures.interpolated for figures in classes if figures.truths]
    return DetectionDiagnosis(
        task=results.task,
        classes=classes,
        curve=curve,
        interpolated=np.mean(curves, 0) if curves else np.full(101, np.nan),
        confusion=confusion_matrix(matches, threshold),
        errors=with_examples(error_kinds(matches, errors), errors, matches, results.images),
        images=image_figures(matches, results.images, threshold),
        label_errors=label_errors(matches, errors, classes, results.images),
    )
