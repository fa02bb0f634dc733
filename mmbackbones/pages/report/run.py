"""What a report is made of: what training runs and their tests have left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from ...evaluation.diagnosis.figures import DetectionDiagnosis, SegmentationDiagnosis, ThresholdCurve
from ...evaluation.diagnosis.results import Results
from ...utils.result_columns import Row

Diagnosis = DetectionDiagnosis | SegmentationDiagnosis

_WITHOUT_BEST = 0.5  # the score threshold of a test without objects

# Names of the metrics of all classes together, the main one first, and what they are called in a report.
NAMES = {
    'bbox_mAP': 'AP, boxes',
    'bbox_mAP_50': 'AP50, boxes',
    'bbox_mAP_75': 'AP75, boxes',
    'segm_mAP': 'AP, masks',
    'segm_mAP_50': 'AP50, masks',
    'segm_mAP_75': 'AP75, masks',
    'mIoU': 'mean IoU',
    'mAcc': 'mean accuracy',
    'aAcc': 'accuracy of pixels',
}


@dataclass(frozen=True)
class Run:
    """A training run and its test.

    Attributes:
        name: What it is called in the report; no two are called the same.
        folder: The work directory of the training run, or the folder of the test.
        rows: Its ``results.csv``; empty if there is none.
        settings: Its ``run.json``; empty if there is none.
        config: Text of its config; None if there is none.
        results: What the test has left; None if there is none.
        diagnosis: What is right and wrong in them.
        problem: One sentence on why there are no results, with what to do.
        notes: Sentences on what a reader has to know.
    """

    name: str
    folder: Path
    rows: Sequence[Row] = ()
    settings: Mapping[str, Any] | None = None
    config: str | None = None
    results: Results | None = None
    diagnosis: Diagnosis | None = None
    problem: str = ''
    notes: Sequence[str] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of all classes together that are defined, under the names of ``metrics.json``."""
        found = self.results.metrics if self.results else {}
        return {name: found[name] for name in NAMES if isinstance(found.get(name), float) and found[name] >= 0}

    def title(self, metric: str) -> str:
        """What a metric is called: boxes are mentioned only where there are masks as well."""
        name = NAMES[metric]
        return name if any(other.startswith('segm') for other in self.metrics) else name.removesuffix(', boxes')

    @property
    def is_segmentor(self) -> bool:
        """Whether classes of pixels rather than objects are predicted."""
        return isinstance(self.diagnosis, SegmentationDiagnosis)


def at_best(curve: ThresholdCurve) -> int:
    """The place of the best threshold among all."""
    return int(np.abs(curve.thresholds - curve.best).argmin())


def threshold_of(diagnosis: Diagnosis | None) -> float:
    """The score from which what a model predicts is drawn and counted: the best one; 0 for segmentors."""
    if not isinstance(diagnosis, DetectionDiagnosis):
        return 0.0
    return _WITHOUT_BEST if isnan(diagnosis.curve.best) else diagnosis.curve.best
