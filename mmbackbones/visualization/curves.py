"""Curves of training runs: losses, validation metrics and learning rate, of one run or of several side by side."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from ..errors import printable
from ..utils.atomic_write import atomic_write
from ..utils.result_columns import TRAINED, Row, losses_of, metrics_of
from .text import font_for, shorten

# Okabe and Ito's colors for people with any color vision; the darker ones, for thin lines on white, come first.
_COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000')
_STYLES = ('-', '--', ':', '-.')  # for more lines than colors
_INK, _FAINT = '#222222', '#666666'
_MAIN = ('bbox_mAP', 'segm_mAP', 'mIoU')  # metrics that models are compared by
_SHOWN = ('bbox_mAP', 'bbox_mAP_50', 'segm_mAP', 'segm_mAP_50', 'mIoU', 'mAcc', 'aAcc')
_MOST = 7  # lines of one run in a panel
_NAME = 40  # characters of a name in a legend
_MAIN_LINE, _PART = 2.2, 1.3  # widths of lines
_DOTTED = 40  # points up to which each is marked
_SPIKE = 20  # largest value of a loss relative to its median from which on the axis is logarithmic
_UNDEFINED = -1.0


def training_curves(runs: Mapping[str, Sequence[Row]]) -> Figure:
    """Draw the curves of training runs.

    One run has its losses, its validation metrics of all classes together, and its learning rate. Of several runs the
    total losses, the main metrics and the learning rates are drawn, one color a run.

    Args:
        runs: Name of each run, and its rows as :func:`~mmbackbones.evaluation.results_table.read_results_csv` gives
            them. Runs without rows are named and have no line.

    Returns:
        A figure of its own, which pyplot does not know: nobody has to close it.
    """
    every = [row for rows in runs.values() for row in rows]
    axis = 'epoch' if every and all('epoch' in row for row in every) else 'iteration'
    if len(runs) == 1:
        figure, panels = _panels(3)
        _draw_run(panels, every, axis)
    else:
        metrics = [name for name in _MAIN if any(name in row for row in every)]
        legend_rows = -(-max(len(runs), 1) // 3)
        figure, panels = _panels(2 + max(len(metrics), 1), below=0.2 * legend_rows + 0.05)
        _draw_runs(figure, panels, runs, metrics, axis)
    for panel in panels:
        panel.set_xlabel(axis, color=_FAINT)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        panel.set_xlim(0, 1.03 * max([1.0, *(row.get(axis, 0.0) for row in every)]))
        if panel.get_yscale() == 'linear':  # where all of a line is within the limits
            for line in panel.lines:
                line.set_clip_on(False)  # half of a point at 0 would be cut off
        if not panel.lines:
            panel.set(xticks=[], yticks=[])
            panel.text(0.5, 0.5, 'nothing yet', color=_FAINT, ha='center', va='center', transform=panel.transAxes)
    return figure


def save_curves(rows: Sequence[Row], path: Path) -> None:
    """Draw the curves of one run into a PNG file, atomically.

    Args:
        rows: A row a validation.
        path: The file to write.

    Raises:
        OSError: The file cannot be written.
    """
    with atomic_write(path, make_folder=False) as partial:
        training_curves({'': rows}).savefig(partial, format='png', dpi=100)


def _panels(number: int, below: float = 0.0) -> tuple[Figure, list[Axes]]:
    """A figure with panels in one row, and inches below them for a legend."""
    width, height = 4.2 * number, 3.8 + below
    figure = Figure(figsize=(width, height), facecolor='white')
    panels = figure.subplots(1, number)
    figure.subplots_adjust(
        left=0.55 / width,
        right=1 - 0.15 / width,
        top=1 - 0.6 / height,
        bottom=(0.57 + below) / height,
        wspace=0.22,
    )
    for panel in panels:
        panel.spines[['top', 'right']].set_visible(False)
        panel.spines[['left', 'bottom']].set_color('#999999')
        panel.grid(axis='y', color='#e5e5e5', linewidth=0.8)
        panel.set_axisbelow(True)
        panel.tick_params(colors=_FAINT, labelsize=9, length=3)
    return figure, list(panels)


def _draw_run(panels: list[Axes], rows: Sequence[Row], axis: str) -> None:
    losses, metrics, rate = panels
    names = losses_of(rows)[:_MOST]
    for number, name in reversed(list(enumerate(names))):  # the main one on top
        _line(losses, rows, axis, name, number, name.removeprefix(TRAINED), _PART if number else _MAIN_LINE)
    _title(losses, 'Training loss', 'mean since the last validation')
    _scale_losses(losses)
    _legend(losses)

    found = metrics_of(rows)
    chosen = [name for name in _SHOWN if name in found] or found[:_MOST]
    for number, name in reversed(list(enumerate(chosen))):
        _line(metrics, rows, axis, name, number, name, _PART if number else _MAIN_LINE)
    _title(metrics, 'Validation', _mark_best(metrics, rows, axis, chosen))
    _scale_metrics(metrics)
    _legend(metrics)
    _draw_rates(rate, {'': rows}, axis)


def _draw_runs(
    figure: Figure, panels: list[Axes], runs: Mapping[str, Sequence[Row]], metrics: list[str], axis: str
) -> None:
    losses, *validations, rate = panels
    for number, rows in enumerate(runs.values()):
        _line(losses, rows, axis, f'{TRAINED}loss', number, width=_width(number))
        for panel, name in zip(validations, metrics):  # noqa: B905, without metrics a panel stays empty
            _line(panel, rows, axis, name, number, width=_width(number))
    _title(losses, 'Training loss', 'mean since the last validation')
    _scale_losses(losses)
    for panel, name in zip(validations, metrics or ['Validation'], strict=True):
        _title(panel, name, 'validation' if metrics else '')
        _scale_metrics(panel)
    _draw_rates(rate, runs, axis)
    handles = [Line2D([], [], linewidth=_width(number), **_look(number)) for number in range(len(runs))]
    if runs:
        legend = figure.legend(
            handles, [' '] * len(runs), loc='lower center', ncols=3, frameon=False, labelcolor=_INK, fontsize=9
        )
        _name_entries(legend.get_texts(), runs)


def _draw_rates(panel: Axes, runs: Mapping[str, Sequence[Row]], axis: str) -> None:
    for number, rows in enumerate(runs.values()):
        _line(panel, rows, axis, 'lr', number, width=_width(number) if len(runs) > 1 else _MAIN_LINE)
    _title(panel, 'Learning rate', '')
    panel.set_ylim(bottom=0)
    panel.ticklabel_format(axis='y', style='sci', scilimits=(-3, 3), useMathText=False)
    panel.yaxis.get_offset_text().set(size=9, color=_FAINT)


def _line(
    panel: Axes, rows: Sequence[Row], axis: str, name: str, number: int, label: str = '', width: float = _MAIN_LINE
) -> None:
    x, y = _points(rows, axis, name)
    if len(x):
        marker = 'o' if len(x) <= _DOTTED else None
        panel.plot(x, y, **_look(number), linewidth=width, marker=marker, markersize=2 * width, label=label)


def _width(number: int) -> float:
    """Width of the lines of a run: thinner than those of the runs before, so that these are seen where lines meet."""
    return max(1.2, 3 - 0.6 * number)


def _look(number: int) -> dict:
    return dict(color=_COLORS[number % len(_COLORS)], linestyle=_STYLES[number // len(_COLORS) % len(_STYLES)])


def _points(rows: Sequence[Row], axis: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions and values of a column, without those that were not measured or are not defined."""
    pairs = [(row[axis], row[name]) for row in rows if name in row and row[name] != _UNDEFINED]
    x, y = np.array(pairs, float).reshape(-1, 2).T
    return x, y


def _mark_best(panel: Axes, rows: Sequence[Row], axis: str, names: list[str]) -> str:
    """Mark the best validation by the first metric, which is what the best checkpoint is chosen by, and name it."""
    x, y = _points(rows, axis, names[0]) if names else (np.array([]), np.array([]))
    if not len(x):
        return ''
    best = int(y.argmax())
    panel.plot(x[best], y[best], 'o', markersize=10, markerfacecolor='none', markeredgecolor=_INK, zorder=4)
    return f'best {_tidy(names[0])}: {y[best]:.3f} at {axis} {x[best]:.0f}'


def _scale_losses(panel: Axes) -> None:
    lines = [np.asarray(line.get_ydata()) for line in panel.lines]
    positive = [values[values > 0] for values in lines]
    # Each by itself: a part of a loss may always be a small one.
    if any(values.size and values.max() > _SPIKE * np.median(values) for values in positive):
        panel.set_yscale('log')
    elif all((values >= 0).all() for values in lines):
        panel.set_ylim(bottom=0)


def _scale_metrics(panel: Axes) -> None:
    values = np.concatenate([[0], *(np.asarray(line.get_ydata()) for line in panel.lines)])
    if values.min() >= 0 and values.max() <= 1:
        panel.set_ylim(0, min(1.0, max(0.05, 1.15 * values.max())))


def _title(panel: Axes, title: str, below: str) -> None:
    # A dollar sign in the name of a metric is a dollar sign.
    place: dict[str, Any] = dict(transform=panel.transAxes, parse_math=False)
    panel.text(0, 1.11, _tidy(title), weight='bold', size=11, color=_INK, **place)
    panel.text(0, 1.035, below, size=9, color=_FAINT, **place)


def _legend(panel: Axes) -> None:
    lines = [line for line in reversed(panel.lines) if not str(line.get_label()).startswith('_child')]
    if len(lines) > 1:
        legend = panel.legend(
            lines, [' '] * len(lines), loc='best', fontsize=8.5, framealpha=0.8, edgecolor='none', labelcolor=_INK
        )
        _name_entries(legend.get_texts(), [str(line.get_label()) for line in lines])


def _name_entries(texts: Sequence[Text], names: Iterable[str]) -> None:
    """Write names into a legend; Matplotlib itself leaves out those that begin with an underscore."""
    for text, name in zip(texts, names, strict=True):
        font, shown = font_for(_tidy(name))
        text.set_parse_math(False)
        text.set_text(shown)
        if not shown.isascii():
            text.set_fontproperties(FontProperties(fname=font, size=text.get_fontsize()))


def _tidy(name: str) -> str:
    return shorten(printable(re.sub(r'\s+', ' ', name)), _NAME)
