"""The first section: figures at a glance, and what to do first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from ...evaluation.diagnosis.figures import DetectionDiagnosis, SegmentationDiagnosis
from ...utils.text import counted
from ..rendering import Section, render
from .error_kinds import kind_of
from .label_errors import WORTH_A_LOOK
from .run import NAMES, Run, at_best

_FEW = 20  # objects of a class in a test, whose figures are little more than luck
_FALLEN = 0.02  # below the best, from which on training has gone on for too long
_LEAST_VALIDATIONS = 3
_NEGLIGIBLE = 0.005  # of AP50
_MIXED_UP = 0.02  # of a class


@dataclass(frozen=True)
class Tile:
    """A figure at a glance."""

    value: str
    name: str
    note: str = ''


@dataclass(frozen=True)
class Advice:
    """Something to do.

    Attributes:
        title: What was found.
        text: What to do about it.
        anchor: The section that shows it.
    """

    title: str
    text: str
    anchor: str = ''


def summary_section(run: Run) -> Section:
    """What a reader sees first."""
    advice = list(_advice(run))
    body = render('report_summary.html', run=run, tiles=list(_tiles(run)), advice=advice)
    return Section('summary', 'Summary', body)


def _tiles(run: Run) -> Iterator[Tile]:
    meanings = {
        'AP': 'average precision over IoU 0.5 to 0.95',
        'AP50': 'average precision at IoU 0.5',
        'AP75': 'average precision at IoU 0.75',
        'mean IoU': 'intersection over union, mean of the classes',
        'mean accuracy': 'share of the pixels of a class that are found, mean of the classes',
        'accuracy of pixels': 'share of all pixels that get the right class',
    }
    for name, value in run.metrics.items():
        yield Tile(f'{value:.3f}', run.title(name), meanings[NAMES[name].partition(',')[0]])
    if isinstance(run.diagnosis, DetectionDiagnosis):
        curve = run.diagnosis.curve
        if isfinite(curve.best):
            at = at_best(curve)
            note = f'precision {curve.precision[at]:.3f}, recall {curve.recall[at]:.3f}'
            yield Tile(f'{curve.f1[at]:.3f}', 'best F1', note)
            yield Tile(f'{curve.best:.3f}', 'best score threshold', f'predict --score-thr {curve.best:.3f}')


def _advice(run: Run) -> Iterator[Advice]:
    if isinstance(run.diagnosis, DetectionDiagnosis):
        yield from _of_detector(run.diagnosis)
    elif isinstance(run.diagnosis, SegmentationDiagnosis):
        yield from _of_segmentor(run.diagnosis)
    yield from _of_training(run)


def _of_detector(diagnosis: DetectionDiagnosis) -> Iterator[Advice]:
    largest = max(diagnosis.errors, key=lambda error: error.ap50_lost, default=None)
    if largest and largest.ap50_lost > _NEGLIGIBLE:
        kind = kind_of(largest.name)
        title = f'The costliest errors: {kind.name} (AP50 {largest.ap50_lost:.3f} lost, {largest.count:,} cases)'
        yield Advice(title, kind.advice, 'errors')
    known = [figures for figures in diagnosis.classes if isfinite(figures.ap)]
    if len(known) > 1:
        weakest = min(known, key=lambda figures: figures.ap)
        text = _examples(weakest.truths)
        yield Advice(f'The weakest class: {weakest.name} (AP {weakest.ap:.3f})', text, 'classes')
    mixed = _largest_mix_up(diagnosis.confusion, [figures.name for figures in diagnosis.classes])
    if mixed:
        true, predicted, number = mixed
        title = f'The most frequent mix-up: {true}, predicted as {predicted} ({counted(number, "time")})'
        yield Advice(title, 'See whether their annotations agree with each other, and how they differ.', 'confusion')
    if suspects := sum(error.suspicion >= WORTH_A_LOOK for error in diagnosis.label_errors):
        title = f'{counted(suspects, "label")} may be wrong or missing'
        yield Advice(title, 'Confident predictions contradict the annotations: look before you train again.', 'labels')


def _of_segmentor(diagnosis: SegmentationDiagnosis) -> Iterator[Advice]:
    known = [figures for figures in diagnosis.classes if isfinite(figures.iou)]
    if len(known) > 1:
        weakest = min(known, key=lambda figures: figures.iou)
        total = sum(figures.pixels for figures in diagnosis.classes)
        text = (
            f'It covers {weakest.pixels / max(total, 1):.1%} of the labeled pixels. '
            + ('Much of it is not found' if weakest.accuracy < weakest.precision else 'Other pixels are taken for it')
            + f' (accuracy {_or_dash(weakest.accuracy)}, precision {_or_dash(weakest.precision)}).'
        )
        yield Advice(f'The weakest class: {weakest.name} (IoU {weakest.iou:.3f})', text, 'classes')
    mixed = _largest_mix_up(diagnosis.confusion, [figures.name for figures in diagnosis.classes])
    if mixed:
        true, predicted, pixels = mixed
        share = pixels / max(int(diagnosis.confusion.sum()), 1)
        title = f'The largest mix-up: {true}, predicted as {predicted} ({share:.1%} of all pixels)'
        yield Advice(title, 'See in the worst images whether these are borders, whole objects, or labels.', 'images')


def _of_training(run: Run) -> Iterator[Advice]:
    name = next((name for name in NAMES if any(name in row for row in run.rows)), None)
    points = [row for row in run.rows if name in row] if name else []
    if name is None or len(points) < _LEAST_VALIDATIONS:
        return
    values = [row[name] for row in points]
    best = int(np.argmax(values))
    where = (
        f'epoch {points[best]["epoch"]:.0f}'
        if 'epoch' in points[best]
        else f'iteration {points[best]["iteration"]:.0f}'
    )
    if best == len(values) - 1:
        title = f'Training had not leveled off: the last validation was the best ({run.title(name)} {values[best]:.3f})'
        yield Advice(title, 'Train for more epochs.', 'curves')
    elif values[-1] < values[best] - _FALLEN:
        change = f'{run.title(name)} fell from {values[best]:.3f} at {where} to {values[-1]:.3f}'
        title = f'Training went on for too long: {change}'
        yield Advice(title, 'The best checkpoint is kept. More data or a stronger augmentation would help.', 'curves')


def _examples(number: int) -> str:
    if number < _FEW:
        return (
            f'It has only {counted(number, "object")} in the test, so its figure is little more than luck: test more.'
        )
    return f'It has {counted(number, "object")} in the test. See its errors, and how many examples it has in training.'


def _largest_mix_up(confusion: np.ndarray, names: Sequence[str]) -> tuple[str, str, int] | None:
    """True class, predicted class, and how often; None if no part of a class worth a word is taken for another."""
    number = len(names)
    others = confusion[:number, :number] * (1 - np.eye(number, dtype=int))
    others[others < _MIXED_UP * confusion[:number].sum(axis=1, keepdims=True)] = 0
    if not others.size or not others.max():
        return None
    row, column = np.unravel_index(int(others.argmax()), others.shape)
    return names[int(row)], names[int(column)], int(others[row, column])


def _or_dash(value: float) -> str:
    return f'{value:.3f}' if isfinite(value) else '–'  # noqa: RUF001, a dash is meant
