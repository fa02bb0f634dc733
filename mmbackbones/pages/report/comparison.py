"""The sections of several runs side by side."""

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from typing import Any

from ...evaluation.diagnosis.figures import DetectionDiagnosis
from ..rendering import Section, render
from ..tables import Cell, Column, Table
from .curves import curves_section
from .differing import differing_section
from .error_kinds import kind_of
from .run import NAMES, Run, at_best
from .thresholds import compared_thresholds

_MAIN = ('bbox_mAP', 'segm_mAP', 'mIoU')  # metrics that runs are compared by


def comparison_sections(runs: Sequence[Run]) -> Iterator[Section]:
    """Sections that compare runs, the first one being what the others are measured by."""
    tested = [run for run in runs if run.diagnosis]
    yield Section(
        'summary',
        'Summary',
        render(
            'report_compared.html',
            table=_summary(runs),
            runs=runs,
            first=runs[0].name,
            other_data=_other_data(runs),
            other_classes=_other_classes(runs),
        ),
    )
    yield curves_section(runs)
    if tested:
        body = render(
            'report_compared_classes.html', table=_classes(tested), measure=_measure(tested[0]), first=tested[0].name
        )
        yield Section('classes', 'Classes', body)
    detectors = {run.name: run.diagnosis for run in tested if isinstance(run.diagnosis, DetectionDiagnosis)}
    if detectors:
        recall, thresholds = compared_thresholds(detectors)
        body = render('report_compared_thresholds.html', recall=recall, thresholds=thresholds)
        yield Section('thresholds', 'Precision and recall', body)
        yield Section('errors', 'Kinds of errors', render('report_compared_errors.html', table=_errors(detectors)))
    if len(tested) > 1 and not _other_data(tested):
        yield differing_section(tested)
    yield Section('origin', 'Settings', render('report_compared_origin.html', runs=runs, changes=list(_changes(runs))))


def _summary(runs: Sequence[Run]) -> Table:
    names = [name for name in NAMES if any(name in run.metrics for run in runs)]
    main = next((name for name in _MAIN if name in names), None)
    columns = [Column('run')]
    titles = next((run for run in runs if any(name.startswith('segm') for name in run.metrics)), runs[0])
    for name in names:
        columns.append(Column(titles.title(name), 'share'))
        if name == main:
            columns.append(Column('difference', 'change', f'{titles.title(name)} less that of {runs[0].name}'))
    columns += [
        Column('best F1', 'share'),
        Column('at threshold', 'score'),
        Column('best epoch', 'number', 'of the validations in training'),
        Column('minutes', 'number', 'of training'),
    ]
    rows = []
    for run in runs:
        row: list[Cell] = [run.name]
        for name in names:
            row.append(run.metrics.get(name))
            if name == main:
                row.append(None if run is runs[0] else _less(run.metrics.get(name), runs[0].metrics.get(name)))
        rows.append([*row, *_best_f1(run), _best_epoch(run), _minutes(run)])
    used = [any(row[index] is not None for row in rows) for index in range(len(columns))]
    return Table(
        [column for column, kept in zip(columns, used, strict=True) if kept],
        [[cell for cell, kept in zip(row, used, strict=True) if kept] for row in rows],
    )


def _classes(runs: Sequence[Run]) -> Table:
    first, *others = runs
    by_name = {run.name: _figures_by_class(run) for run in runs}
    names = list(dict.fromkeys(name for figures in by_name.values() for name in figures))
    columns = [Column('class'), *(Column(run.name, 'share') for run in runs)]
    if len(runs) == 2:
        columns.append(Column('difference', 'change', f'{others[0].name} less {first.name}'))
    elif len(runs) > 2:
        columns.append(Column('spread', 'number', 'highest less lowest'))
    rows = []
    for name in names:
        values = [by_name[run.name].get(name) for run in runs]
        known = [value for value in values if value is not None and value == value]
        last = _less(values[-1], values[0]) if len(runs) == 2 else round(max(known) - min(known), 3) if known else None
        rows.append([name, *values, last] if len(runs) > 1 else [name, *values])
    return Table(columns, rows)


def _errors(diagnoses: dict[str, DetectionDiagnosis]) -> Table:
    lost = {name: {error.name: error.ap50_lost for error in item.errors} for name, item in diagnoses.items()}
    kinds = dict.fromkeys(kind for errors in lost.values() for kind in errors)
    most = max((value for errors in lost.values() for value in errors.values()), default=1.0)
    columns = [Column('kind'), *(Column(name, 'share', full=most) for name in diagnoses), Column('what it is')]
    rows = [
        [kind_of(kind).name, *(lost[name].get(kind) for name in diagnoses), kind_of(kind).meaning] for kind in kinds
    ]
    return Table(columns, rows)


def _changes(runs: Sequence[Run]) -> Iterator[tuple[str, str]]:
    """Name of each run but the first, and the lines of its config that differ from the first one's."""
    for run in runs[1:]:
        if run.config is not None and runs[0].config is not None:
            lines = unified_diff(
                runs[0].config.splitlines(), run.config.splitlines(), runs[0].name, run.name, lineterm='', n=2
            )
            yield run.name, '\n'.join(lines)


def _other_data(runs: Sequence[Run]) -> list[str]:
    """Names of the runs that were tested on other images than the first one that was tested."""
    images = {
        run.name: {(image.name, image.width, image.height) for image in run.results.images}
        for run in runs
        if run.results
    }
    first = next(iter(images.values()), set())
    return [name for name, tested in images.items() if tested != first]


def _other_classes(runs: Sequence[Run]) -> list[str]:
    """Names of the runs whose classes are not those of the first one that was tested."""
    classes = {run.name: set(run.results.classes) for run in runs if run.results}
    first = next(iter(classes.values()), set())
    return [name for name, tested in classes.items() if tested != first]


def _measure(run: Run) -> str:
    return 'IoU' if run.is_segmentor else 'AP'


def _figures_by_class(run: Run) -> dict[str, float]:
    diagnosis: Any = run.diagnosis
    return {figures.name: figures.iou if run.is_segmentor else figures.ap for figures in diagnosis.classes}


def _best_f1(run: Run) -> tuple[Cell, Cell]:
    if not isinstance(run.diagnosis, DetectionDiagnosis):
        return None, None
    curve = run.diagnosis.curve
    return float(curve.f1[at_best(curve)]), curve.best


def _best_epoch(run: Run) -> Cell:
    name = next((name for name in _MAIN if any(name in row for row in run.rows)), None)
    best = max((row for row in run.rows if name and name in row), key=lambda row: row[name or ''], default={})
    return best.get('epoch')


def _minutes(run: Run) -> Cell:
    seconds = run.rows[-1].get('seconds') if run.rows else None
    return None if seconds is None else round(seconds / 60, 1)


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other
