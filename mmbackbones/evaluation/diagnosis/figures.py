"""The figures of a diagnosis, as a report shows them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class ThresholdCurve:
    """Precision, recall and F1 of all classes together against the score threshold, at IoU 0.5.

    Attributes:
        thresholds: (n,) score thresholds, rising.
        precision: (n,) share of the objects found that are right; 1 where none are found.
        recall: (n,) share of the true objects that are found.
        f1: (n,) harmonic mean of the two.
        best: The threshold with the highest F1.
    """

    thresholds: Array
    precision: Array
    recall: Array
    f1: Array
    best: float


@dataclass(frozen=True)
class ClassFigures:
    """One class of a detector.

    Attributes:
        name: Name of the class.
        truths: Number of true objects, crowds aside.
        ap, ap50, ap75: COCO's average precision, from 0 to 1; nan without true objects.
        precision, recall, f1: At the threshold of `best`, at IoU 0.5.
        best: The score threshold at which the class has its highest F1.
        interpolated: (101,) precision at recall 0, 0.01, ..., 1, at IoU 0.5, as COCO interpolates it.
    """

    name: str
    truths: int
    ap: float
    ap50: float
    ap75: float
    precision: float
    recall: float
    f1: float
    best: float
    interpolated: Array


@dataclass(frozen=True)
class ErrorExample:
    """An error, to be looked at.

    Attributes:
        image_id: The image.
        box: x, y, width and height in pixels: of the prediction, or of the object that was missed.
        label: Index of the class of the object that it is about; None if there is none.
        predicted: Index of the predicted class; None if it was missed.
        score: Score of the prediction; None if it was missed.
    """

    image_id: int
    box: tuple[float, float, float, float]
    label: int | None
    predicted: int | None
    score: float | None


@dataclass(frozen=True)
class ErrorKind:
    """One of the kinds of errors of TIDE (Bolya et al., ECCV 2020, section 2.2).

    Attributes:
        name: ``classification``, ``localization``, ``both``, ``duplicate``, ``background`` or ``missed``.
        count: Number of errors of this kind among all predictions.
        ap50_lost: How much AP50 would rise if errors of this kind alone were mended (eq. 1).
        examples: Some of them, each from another image.
    """

    name: str
    count: int
    ap50_lost: float
    examples: tuple[ErrorExample, ...] = ()


@dataclass(frozen=True)
class ImageFigures:
    """How well an image was predicted, at the best threshold.

    Attributes:
        image_id: Its number in both files.
        right, wrong, missed: Numbers of objects that were found rightly, found wrongly, and not found.
        score: F1 of a detector, mean IoU of a segmentor; from 0 (worst) to 1.
    """

    image_id: int
    right: int
    wrong: int
    missed: int
    score: float


@dataclass(frozen=True)
class LabelError:
    """An object of the ground truth, or one that it may lack, which confident predictions contradict.

    Attributes:
        image_id: The image.
        kind: ``class`` (another class is predicted here), ``missing`` (a confident prediction where nothing is
            annotated), ``spurious`` (nothing is predicted where an object is annotated) or ``place`` (a confident
            prediction of the class that overlaps too little).
        truth_id: ``id`` of the annotation; None for ``missing``.
        box: (4,) x, y, width and height in pixels: of the annotation, or of the prediction for ``missing``.
        label: Index of the annotated class; None for ``missing``.
        predicted: Index of the predicted class; None for ``spurious``.
        suspicion: From 0 to 1; the list is ranked by it.
    """

    image_id: int
    kind: str
    truth_id: int | None
    box: tuple[float, float, float, float]
    label: int | None
    predicted: int | None
    suspicion: float


@dataclass(frozen=True)
class DetectionDiagnosis:
    """What a detector got right and wrong.

    Attributes:
        task: ``bbox`` or ``segm``: what IoU is of.
        classes: Per class.
        curve: Against the score threshold.
        interpolated: (101,) mean of the classes' `interpolated`.
        confusion: (C + 1, C + 1) numbers of objects at the best threshold and IoU 0.5: rows are true classes, columns
            predicted ones; the last row is background that was predicted as something, the last column what was missed.
        errors: Per kind.
        images: All images, the worst first.
        label_errors: The most suspicious first; every object of the ground truth is ranked.
    """

    task: str
    classes: tuple[ClassFigures, ...]
    curve: ThresholdCurve
    interpolated: Array
    confusion: Array
    errors: tuple[ErrorKind, ...]
    images: tuple[ImageFigures, ...]
    label_errors: tuple[LabelError, ...]


@dataclass(frozen=True)
class SegmentationClass:
    """One class of a segmentor: its name, its true pixels, and IoU, accuracy (recall) and precision from 0 to 1.

    They are nan where the class is neither in the ground truth nor predicted.
    """

    name: str
    pixels: int
    iou: float
    accuracy: float
    precision: float


@dataclass(frozen=True)
class SegmentationDiagnosis:
    """What a segmentor got right and wrong.

    Attributes:
        classes: Per class.
        confusion: (C, C) numbers of pixels: rows are true classes, columns predicted ones.
        images: All images, the worst first.
    """

    classes: tuple[SegmentationClass, ...]
    confusion: Array
    images: tuple[ImageFigures, ...]
