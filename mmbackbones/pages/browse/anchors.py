"""The section on boxes and the anchors of a config."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from ...engine.anchors import AnchorFit
from ..charts import chart, chart_style
from ..rendering import Section, render
from ..tables import Cell, Column, Table
from .sizes import COCO_BOUNDS

_SIZES = ('small', 'medium', 'large')


def anchors_section(config: str, fit: AnchorFit, areas: npt.NDArray[np.float64]) -> Section:
    """The section.

    Args:
        config: Name of the config.
        fit: How well the anchors fit the boxes of the train split.
        areas: Area of each of these boxes in pixels.
    """
    body = render(
        'browse_anchors.html',
        config=config,
        table=fit_table(fit, areas),
        chart=_chart(fit),
        threshold=f'{fit.threshold:g}',
        least=f'{fit.least:g}' if fit.least else None,
        sides=[f'{side:.0f}' for side in fit.sides],
        scale=f'{fit.scale[0]:g} × {fit.scale[1]:g}' if fit.scale else None,  # noqa: RUF001
        below=f'{np.mean(fit.iou < fit.threshold):.1%}' if len(fit.iou) else None,
    )
    return Section('anchors', 'Boxes and anchors', body)


def fit_table(fit: AnchorFit, areas: npt.NDArray[np.float64]) -> Table:
    """Boxes that no anchor fits, by size."""
    columns = [
        Column('size of the box'),
        Column('boxes', 'count'),
        Column(f'best IoU below {fit.threshold:g}', 'share', 'share of the boxes that no anchor fits well enough'),
        Column('median best IoU', 'share', 'half of the boxes have an anchor that fits better than this'),
    ]
    size = np.digitize(np.sqrt(areas), COCO_BOUNDS)
    low, high = COCO_BOUNDS
    ranges = (f'below {low} pixels', f'{low} to {high} pixels', f'from {high} pixels')
    rows: list[list[Cell]] = []
    for name, chosen in [
        ('all', size >= 0),
        *((f'{n} ({r})', size == i) for i, (n, r) in enumerate(zip(_SIZES, ranges, strict=True))),
    ]:
        iou = fit.iou[chosen]
        rows.append(
            [name, len(iou), float(np.mean(iou < fit.threshold)), float(np.median(iou))]
            if len(iou)
            else [name, 0, None, None]
        )
    return Table(columns, rows)


def _chart(fit: AnchorFit):
    with chart_style():
        figure = Figure((5.2, 3.1), layout='constrained')
        axes = figure.subplots()
        edges = np.linspace(0, 1, 41)
        shares = np.histogram(fit.iou, edges)[0] / max(1, len(fit.iou))
        below = edges[:-1] < fit.threshold - 1e-9
        axes.bar(edges[:-1][below], shares[below], 1 / 40, align='edge', color='#d55e00', label='below the threshold')
        axes.bar(edges[:-1][~below], shares[~below], 1 / 40, align='edge', color='#0072b2', label='above')
        axes.axvline(fit.threshold, color='#1f2328', linewidth=1, linestyle=':')
        axes.set(xlabel='IoU of a box with its best anchor', ylabel='share of boxes', xlim=(0, 1))
        axes.yaxis.set_major_formatter(lambda value, _: f'{value:.0%}')
        axes.legend()
        return chart(figure, 'histogram of the IoU of boxes with their best anchors')
