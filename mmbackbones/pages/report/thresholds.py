"""The section on score thresholds: precision against recall, and both against the threshold."""

from collections.abc import Mapping
from math import isfinite

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ...errors import printable
from ...evaluation.diagnosis.figures import DetectionDiagnosis
from ..charts import chart, chart_style
from ..rendering import Section, render
from .run import at_best

_SIZE = (6.2, 4.2)  # inches
_NAMED = 7  # classes that have a color and a name in a chart; more are gray lines
_LONGEST = 24  # letters of a name in a chart
_RECALL = np.linspace(0, 1, 101)
_GRAY = '#b8c0c8'


def thresholds_section(diagnosis: DetectionDiagnosis) -> Section:
    """Precision and recall of a detector."""
    curve = diagnosis.curve
    at = at_best(curve)
    known = isfinite(curve.best)  # it is not without objects
    body = render(
        'report_thresholds.html',
        recall=_precision_recall(diagnosis) if known else None,
        thresholds=_against_threshold(diagnosis) if known else None,
        best=curve.best,
        f1=float(curve.f1[at]),
        precision=float(curve.precision[at]),
        found=float(curve.recall[at]),
        gray=len(_with_truths(diagnosis)) > _NAMED,
    )
    return Section('thresholds', 'Precision and recall', body)


def compared_thresholds(diagnoses: Mapping[str, DetectionDiagnosis]) -> tuple[Markup, Markup]:
    """The same of several runs, a line each: precision against recall, and F1 against the threshold."""
    with chart_style():
        first, left = _axes('recall', 'precision')
        second, right = _axes('score threshold', 'F1')
        for name, diagnosis in diagnoses.items():
            left.plot(_RECALL, diagnosis.interpolated, label=_short(name))
            curve = diagnosis.curve
            (line,) = right.plot(curve.thresholds, curve.f1, label=_short(name))
            right.plot(curve.best, curve.f1[at_best(curve)], 'o', color=line.get_color())
        for figure in (first, second):
            figure.legend(*left.get_legend_handles_labels(), loc='outside lower center', ncols=2)
    return chart(first, 'Precision against recall of each run'), chart(second, 'F1 against the threshold of each run')


def _precision_recall(diagnosis: DetectionDiagnosis) -> Markup:
    with chart_style():
        figure, axes = _axes('recall', 'precision')
        classes = _with_truths(diagnosis)
        if len(classes) <= _NAMED:
            for figures in classes:
                label = f'{_short(figures.name)}  {figures.ap50:.2f}'
                axes.plot(_RECALL, figures.interpolated, linewidth=1.2, label=label)
        else:
            lines = [np.column_stack([_RECALL, figures.interpolated]) for figures in classes]
            # As pixels: a thousand lines of text take megabytes.
            axes.add_collection(LineCollection(lines, colors=_GRAY, linewidths=0.7, rasterized=True))
        ap50 = np.mean([figures.ap50 for figures in classes]) if classes else float('nan')
        axes.plot(_RECALL, diagnosis.interpolated, color='black', linewidth=2.5, label=f'all classes  {ap50:.2f}')
        figure.legend(loc='outside lower center', ncols=3)
    return chart(figure, 'Precision against recall at IoU 0.5')


def _against_threshold(diagnosis: DetectionDiagnosis) -> Markup:
    curve = diagnosis.curve
    with chart_style():
        figure, axes = _axes('score threshold', '')
        axes.plot(curve.thresholds, curve.precision, label='precision', linestyle='--')
        axes.plot(curve.thresholds, curve.recall, label='recall', linestyle='-.')
        axes.plot(curve.thresholds, curve.f1, label='F1', color='black', linewidth=2.5)
        axes.axvline(curve.best, color='#57606a', linewidth=1)
        right = curve.best < 0.75
        axes.annotate(
            f'best {curve.best:.3f}',
            (curve.best, 1.0),
            xytext=(5 if right else -5, -3),
            textcoords='offset points',
            ha='left' if right else 'right',
            va='top',
            color='#57606a',
        )
        figure.legend(loc='outside lower center', ncols=3)
    return chart(figure, 'Precision, recall and F1 against the score threshold')


def _axes(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(_SIZE, layout='constrained')
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.02))
    return figure, axes


def _with_truths(diagnosis: DetectionDiagnosis) -> list:
    return [figures for figures in diagnosis.classes if figures.truths]


def _short(name: str) -> str:
    name = printable(' '.join(name.split()))
    # Matplotlib leaves names that begin with an underscore out of a legend.
    name = f'\u200b{name}' if name.startswith('_') else name
    return name if len(name) <= _LONGEST else f'{name[: _LONGEST - 1]}…'
