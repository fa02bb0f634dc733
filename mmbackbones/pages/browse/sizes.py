"""The section on sizes and numbers: charts."""

from collections import Counter

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...datasets.survey.objects import Objects
from ...datasets.survey.survey import Survey
from ...utils.text import counted
from ..charts import chart, chart_style
from ..rendering import Section, render
from ..tables import Cell, Column, Table

_SIZE = (5.2, 3.1)  # inches
_MOST_SIZES = 12  # of images, in the table
_BINS = 24
COCO_BOUNDS = (32, 96)  # of small, medium and large objects: root of the area in pixels of the original image


def sizes_section(survey: Survey) -> Section:
    """The section."""
    per_image = {split: content.per_image for split, content in survey.splits.items()}
    what = 'objects' if survey.has_boxes else 'classes'
    charts = [(_chart_of_counts(per_image, what), f'How many {what} an image has.')]
    table = None
    if survey.has_boxes:
        objects = {split: content for split, content in survey.splits.items() if isinstance(content, Objects)}
        charts.append(
            (
                _chart_of_sides(objects),
                'How large objects are: the root of the area of their boxes. COCO calls them small below '
                f'{COCO_BOUNDS[0]} pixels and large from {COCO_BOUNDS[1]} pixels.',
            )
        )
        charts.append((_chart_of_places(objects), 'Where the centers of boxes lie in their images, of all splits.'))
        table = image_sizes(objects)
    body = render('browse_sizes.html', charts=charts, table=table, more=_more_sizes(survey) if table else '', what=what)
    return Section('sizes', 'Numbers and sizes', body)


def image_sizes(splits: dict[str, Objects]) -> Table:
    """The most frequent sizes of images."""
    counts = {split: Counter(map(tuple, objects.sizes.tolist())) for split, objects in splits.items()}
    most = sum(counts.values(), Counter()).most_common(_MOST_SIZES)
    columns = [Column('width × height'), *(Column(split, 'count', f'images of {split}') for split in splits)]  # noqa: RUF001
    rows: list[list[Cell]] = []
    for (width, height), _ in most:
        rows.append([f'{width} × {height}', *(counts[split][width, height] for split in splits)])  # noqa: RUF001
    return Table(columns, rows)


def _more_sizes(survey: Survey) -> str:
    sizes = {
        tuple(size)
        for objects in survey.splits.values()
        if isinstance(objects, Objects)
        for size in objects.sizes.tolist()
    }
    return counted(len(sizes) - _MOST_SIZES, 'more size') if len(sizes) > _MOST_SIZES else ''


def _chart_of_counts(per_image: dict[str, npt.NDArray[np.int64]], what: str):
    largest = max((int(counts.max()) for counts in per_image.values() if len(counts)), default=1)
    step = max(1, -(-(largest + 1) // _BINS))
    edges = np.arange(0, largest + 1 + step, step) - 0.5
    with chart_style():
        figure = Figure(_SIZE, layout='constrained')
        axes = figure.subplots()
        _histogram(axes, per_image, edges)
        axes.set(xlabel=f'{what} in an image', ylabel='share of images')
        axes.xaxis.set_major_locator(MaxNLocator('auto', integer=True))
        return chart(figure, f'histogram of {what} in an image')


def _chart_of_sides(splits: dict[str, Objects]):
    sides = {split: np.sqrt(np.maximum(objects.areas[objects.used], 1)) for split, objects in splits.items()}
    low = min((float(values.min()) for values in sides.values() if len(values)), default=1)
    high = max((float(values.max()) for values in sides.values() if len(values)), default=2)
    edges = np.geomspace(max(low * 0.9, 1), max(high * 1.1, 2), _BINS + 1)
    with chart_style():
        figure = Figure(_SIZE, layout='constrained')
        axes = figure.subplots()
        _histogram(axes, sides, edges)
        axes.set(xscale='log', xlabel='side of a box in pixels', ylabel='share of boxes')
        for bound in COCO_BOUNDS:
            if edges[0] < bound < edges[-1]:
                axes.axvline(bound, color='#57606a', linewidth=1, linestyle=':')
        ticks = [
            tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if edges[0] <= tick <= edges[-1]
        ]
        axes.set_xticks(ticks, [f'{tick:,}' for tick in ticks])
        axes.minorticks_off()
        return chart(figure, 'histogram of the sizes of boxes')


def _chart_of_places(splits: dict[str, Objects]):
    grid = np.zeros((24, 24))
    for objects in splits.values():
        boxes = objects.boxes[objects.used]
        centers = (boxes[:, :2] + boxes[:, 2:]) / 2 / objects.sizes[objects.image[objects.used]]
        grid += np.histogram2d(centers[:, 1], centers[:, 0], 24, [[0, 1], [0, 1]])[0]
    with chart_style():
        figure = Figure((3.6, _SIZE[1]), layout='constrained')
        axes = figure.subplots()
        axes.imshow(grid, cmap='Blues', extent=(0, 1, 1, 0), vmin=0)
        axes.grid(False)
        axes.set(xlabel='width of the image', ylabel='height of the image', xticks=[], yticks=[])
        return chart(figure, 'map of the centers of boxes')


def _histogram(axes, values: dict[str, npt.NDArray], edges: npt.NDArray) -> None:
    """Outlines of shares; splits of different sizes can be compared."""
    for number, (split, found) in enumerate(values.items()):
        shares = np.histogram(found, edges)[0] / max(1, len(found))
        axes.stairs(shares, edges, label=split, fill=number == 0, alpha=0.35 if number == 0 else 1, linewidth=2)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f'{value:.0%}')
    if len(values) > 1:
        axes.legend()
