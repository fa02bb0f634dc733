"""The section on mix-ups: the confusion matrix, and its largest entries as a table."""

from dataclasses import dataclass

import numpy as np

from ...evaluation.diagnosis.figures import DetectionDiagnosis
from ..rendering import Section, render
from ..tables import Column, Table
from .run import Diagnosis, threshold_of

_MOST = 100  # classes in the matrix; 100 x 100 cells are as many as can be told apart on a screen
_WITH_NUMBERS = 16  # classes up to which each cell has its number
_LISTED = 30  # mix-ups in the table
BACKGROUND = 'background'  # what is not an object


@dataclass(frozen=True)
class Cell:
    """A cell: its number as text, how deep its color is, what it says to the pointer, and whether it is right."""

    text: str
    depth: float
    title: str
    right: bool


@dataclass(frozen=True)
class Matrix:
    """A matrix as it is shown: the name of each row and its cells, and the names of the columns."""

    rows: list[tuple[str, list[Cell]]]
    columns: list[str]
    numbers: bool


def confusion_section(diagnosis: Diagnosis) -> Section:
    """Which classes are taken for which."""
    detector = isinstance(diagnosis, DetectionDiagnosis)
    names = [figures.name for figures in diagnosis.classes]
    rows, columns = ([*names, BACKGROUND], [*names, 'missed']) if detector else (names, names)
    chosen = _chosen(diagnosis.confusion, len(names))
    kept = [*chosen, len(names)] if detector else chosen
    body = render(
        'report_confusion.html',
        matrix=_matrix(diagnosis.confusion, rows, columns, kept, 'object' if detector else 'pixel'),
        table=mix_ups(diagnosis.confusion, rows, columns, len(names)),
        detector=detector,
        left_out=len(names) - len(chosen),
        threshold=threshold_of(diagnosis),
    )
    return Section('confusion', 'Confusion matrix', body)


def mix_ups(confusion: np.ndarray, rows: list[str], columns: list[str], number: int) -> Table:
    """The most frequent pairs of a true and another predicted class.

    Args:
        confusion: The matrix.
        rows, columns: What its rows and columns are called.
        number: Number of classes; what comes after them is background and no mix-up.
    """
    among = confusion[:number, :number] * (1 - np.eye(number, dtype=int))
    totals = confusion.sum(axis=1)
    order = np.argsort(-among, axis=None, kind='stable')[:_LISTED]
    found = [
        [rows[row], columns[column], int(among[row, column]), float(among[row, column] / totals[row])]
        for row, column in zip(*np.unravel_index(order, among.shape), strict=True)
        if among[row, column]
    ]
    shown = [
        Column('annotated as'),
        Column('predicted as'),
        Column('number', 'count'),
        Column('share of the class', 'share', 'of all that is annotated as this class'),
    ]
    return Table(shown, found, sorted_by=2, descending=True)


def _chosen(confusion: np.ndarray, number: int) -> list[int]:
    """The classes that are shown: all, or those that are mixed up most."""
    if number <= _MOST:
        return list(range(number))
    among = confusion[:number, :number]
    mixed = among.sum(axis=0) + among.sum(axis=1) - 2 * np.diag(among)
    return sorted(np.argsort(-mixed, kind='stable')[:_MOST].tolist())


def _matrix(confusion: np.ndarray, rows: list[str], columns: list[str], kept: list[int], unit: str) -> Matrix:
    totals = confusion.sum(axis=1)
    shown = []
    for row in kept:
        cells = []
        for column in kept:
            number = int(confusion[row, column])
            share = number / totals[row] if totals[row] else 0.0
            title = f'{rows[row]} → {columns[column]}: {number:,} {unit}{"" if number == 1 else "s"} ({share:.1%})'
            text = (f'{number:,}' if unit == 'object' else f'{share:.1%}') if number else ''
            # Small shares of errors are to be seen as well.
            depth = share if row == column else share**0.5
            cells.append(Cell(text, round(depth, 3), title, row == column))
        shown.append((rows[row], cells))
    return Matrix(shown, [columns[column] for column in kept], len(kept) <= _WITH_NUMBERS)
