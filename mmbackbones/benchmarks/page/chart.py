"""The chart of a machine: backbones beside the authors' form."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from ...pages.charts import chart_style
from ..table import AUTHORS, AUTHORS_AS_COMMANDS, OURS, Row
from .cells import first, select, unique

_KINDS = (  # precision, form, name, color
    ('float32', AUTHORS, "authors' form", '#b8bec6'),
    ('float32', AUTHORS_AS_COMMANDS, 'with our memory setting', '#8c959f'),
    ('float32', OURS, 'ours', '#0072b2'),
    ('bfloat16', OURS, 'ours, bfloat16', '#d55e00'),
)
_TASKS = {'inference': 'inference', 'training': 'training step'}
_BAR = 0.2  # of the distance of two backbones


def save_chart(rows: Sequence[Row], file: Path) -> None:
    """Draw the times and peaks of memory of the backbones, relative to the authors' form, as a PNG file.

    Args:
        rows: The rows of a table.
        file: The file, whatever its suffix.
    """
    rows = select(rows, network='backbone')
    with chart_style():
        figure = Figure(figsize=(11, 6.4), layout='constrained')
        panels = figure.subplots(2, 2, sharey=True)
        for line, (task, title) in zip(panels, _TASKS.items(), strict=True):
            _draw(line[0], select(rows, task=task), 'median_ms', f'{title}: time')
            _draw(line[1], select(rows, task=task), 'peak_gb', f'{title}: peak of memory')
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc='outside upper center', ncols=len(labels))
        device, pytorch = rows[0]['device'], rows[0]['pytorch']
        figure.supxlabel(f"relative to the authors' form; {device}, PyTorch {pytorch}", fontsize=9)
        figure.savefig(file, format='png', dpi=110, metadata=dict(Software=None))


def _draw(panel, rows: Sequence[Row], column: str, title: str) -> None:
    names = [name for (name,) in unique(rows, 'backbone')]
    for place, (precision, form, label, color) in enumerate(_KINDS):
        found = {name: first(rows, backbone=name, precision=precision, form=form) for name in names}
        shown = [(i, row) for i, row in enumerate(found.values()) if row is not None and row[column]]
        if not shown:
            continue
        positions = [i + (place - 1.5) * _BAR for i, _ in shown]
        lengths = [_relative(row, rows, column) for _, row in shown]
        bars = panel.barh(positions, lengths, height=_BAR * 0.9, color=color, label=label)
        panel.bar_label(bars, [f'{length:.2f}' for length in lengths], padding=3, fontsize=7.5)
    panel.set_yticks(range(len(names)), names)
    panel.set_ylim(len(names) - 0.45, -0.55)  # the first one on top
    panel.set_title(title, fontsize=10)
    panel.set_xlim(0, 1.15)
    panel.grid(axis='y', visible=False)


def _relative(row: Row, rows: Sequence[Row], column: str) -> float:
    baseline = first(rows, backbone=row['backbone'], precision='float32', form=AUTHORS)
    return float(row[column]) / float(baseline[column]) if baseline is not None else 1.0
