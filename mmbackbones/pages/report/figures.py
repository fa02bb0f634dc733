"""The figures of a report for programs, as JSON holds them."""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from ...evaluation.diagnosis.figures import DetectionDiagnosis
from .run import Run

# A page with each image and object of a large data set would have many megabytes.
_MOST_LABELS, _MOST_IMAGES = 1000, 10_000


def figures_of(runs: Sequence[Run]) -> dict[str, Any]:
    """All that the tables and charts of a report show.

    Args:
        runs: The runs.

    Returns:
        ``runs``, a list of ``name``, ``folder``, ``metrics`` (as in ``metrics.json``), ``diagnosis`` (the fields of
        :mod:`mmbackbones.evaluation.diagnosis.figures`, None for what is not defined) and ``training`` (the rows of
        ``results.csv``). Of the label errors only the first 1,000, and of the images the first 10,000.
    """
    return dict(runs=[_figures_of(run) for run in runs])


def _figures_of(run: Run) -> dict[str, Any]:
    diagnosis = run.diagnosis
    if isinstance(diagnosis, DetectionDiagnosis):
        diagnosis = replace(diagnosis, label_errors=diagnosis.label_errors[:_MOST_LABELS])
    if diagnosis is not None:
        diagnosis = replace(diagnosis, images=diagnosis.images[:_MOST_IMAGES])
    return dict(
        name=run.name,
        folder=str(run.folder),
        metrics=_plain(run.results.metrics) if run.results else None,
        classes=list(run.results.classes) if run.results else None,
        diagnosis=_plain(diagnosis),
        training=_plain(list(run.rows)),
    )


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
