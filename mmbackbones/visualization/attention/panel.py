"""All maps of an image in one picture."""

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, FuncNorm, Normalize
from matplotlib.figure import Figure

from .cells import Cell, cells_of, whole_image
from .kinds import COMPONENTS, KINDS
from .shade import DENSE, GAMMA, SHARE

if TYPE_CHECKING:
    from .attention import Attention

Pixels = npt.NDArray[np.uint8]

_DPI = 110
# All lengths are inches.
_AREA = 3.3  # of a picture
_FLATTEST = 2.5  # the longer side relative to the shorter one that pictures are made room for
_MARGIN, _GAP = 0.3, 0.14  # around the panel, between pictures
_HEADING, _TITLE = 0.42, 0.22  # heights of the lines above a row and above a picture
_TOP, _BOTTOM = 0.55, 0.75  # heights of the title and of the color scales
_LEFT = 1.5  # width of the left column relative to a picture
_DARK, _GRAY = '#1a1a1a', '#5a5a5a'
_TICKS = {0: '0', 0.01: '1%', 0.1: '10%', 0.3: '30%', 0.6: '60%', 1: '100%'}


def draw_panel(attention: 'Attention') -> Pixels:
    """Draw the image with the point, and beside it a row of pictures for each stage.

    Returns:
        RGB, of a size that depends on the numbers of stages and maps and on the proportions of the image.
    """
    return _Panel(attention).drawn()


class _Panel:
    def __init__(self, attention: 'Attention') -> None:
        self._attention = attention
        height, width = attention.image.shape[:2]
        aspect = float(np.clip(width / height, 1 / _FLATTEST, _FLATTEST))
        self._width, self._height = (_AREA * aspect) ** 0.5, (_AREA / aspect) ** 0.5
        size = round(self._width * _DPI), round(self._height * _DPI)
        self._rows = cells_of(attention, size)
        columns = max(len(row.cells) for row in self._rows)
        self._left = max(_LEFT * self._width, 2.6)
        self._step = _HEADING + _TITLE + self._height
        self._size = (
            2 * _MARGIN + self._left + columns * (self._width + _GAP) + _GAP,
            2 * _MARGIN + _TOP + len(self._rows) * self._step + _BOTTOM,
        )
        self._figure = Figure(figsize=self._size, dpi=_DPI, facecolor='white')

    def drawn(self) -> Pixels:
        x, y = self._attention.point
        self._text(_MARGIN, _MARGIN, f'{self._attention.backbone}: the point ({x:g}, {y:g})', 15, weight='bold')
        self._draw_image()
        for number, row in enumerate(self._rows):
            top = _MARGIN + _TOP + number * self._step
            self._text(self._column(0), top, row.heading, 11, weight='bold')
            self._text(self._size[0] - _MARGIN - _GAP, top + 0.03, row.note, 8.5, color=_GRAY, ha='right')
            for column, cell in enumerate(row.cells):
                self._draw_cell(cell, column, top + _HEADING - 0.14)
        self._draw_scales()
        canvas = FigureCanvasAgg(self._figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def _draw_image(self) -> None:
        height, width = self._attention.image.shape[:2]
        tall = self._left * height / width
        most = len(self._rows) * self._step * 0.5
        wide, tall = (self._left, tall) if tall <= most else (most * width / height, most)
        picture = whole_image(self._attention, (round(wide * _DPI), round(tall * _DPI)))
        top = _MARGIN + _TOP
        self._text(_MARGIN, top, f'The image, {width} x {height} pixels', 11, weight='bold')
        top += _HEADING - 0.14
        self._axes(_MARGIN, top, wide, tall).imshow(picture, aspect='auto', interpolation='none')
        self._draw_legend(top + tall + 0.3)

    def _draw_legend(self, top: float) -> None:
        kinds = [KINDS['features'], COMPONENTS]
        kinds += [KINDS[kind] for kind in dict.fromkeys(found.kind for found in self._attention.maps)]
        for kind in dict.fromkeys(kinds):
            self._text(_MARGIN, top, kind.title, 9.5, weight='bold')
            lines = fill(kind.meaning, int(self._left * 15.5))
            self._text(_MARGIN, top + 0.2, lines, 9, color=_GRAY, linespacing=1.25)
            top += 0.32 + 0.165 * (lines.count('\n') + 1)

    def _draw_cell(self, cell: Cell, column: int, top: float) -> None:
        left = self._column(column)
        self._text(left, top, cell.title, 9.5)
        self._text(left + self._width, top + 0.02, cell.note, 8, color=_GRAY, ha='right')
        axes = self._axes(left, top + _TITLE, self._width, self._height)
        axes.imshow(cell.picture, aspect='auto', interpolation='none')

    def _draw_scales(self) -> None:
        top = self._size[1] - _MARGIN - _BOTTOM + 0.3
        wide = 2 * self._width + _GAP
        values = Normalize(0, 1)
        self._scale(DENSE, values, self._column(0), top, self._width, {0: 'smallest', 1: 'largest of the map'})
        if any(not KINDS[found.kind].dense for found in self._attention.maps):
            roots = FuncNorm((lambda x: np.abs(x) ** GAMMA, lambda x: np.abs(x) ** (1 / GAMMA)), 0, 1)
            ticks = {**_TICKS, 1: '100% of the largest of the map'}
            self._scale(SHARE, roots, self._column(2), top, wide - self._width / 2, ticks)

    def _scale(
        self, colors: Colormap, norm: Normalize, left: float, top: float, width: float, ticks: dict[float, str]
    ) -> None:
        bar = self._figure.colorbar(
            ScalarMappable(norm, colors), cax=self._axes(left, top, width, 0.13), orientation='horizontal'
        )
        bar.set_ticks(list(ticks), labels=list(ticks.values()))
        bar.ax.tick_params(labelsize=8.5, labelcolor=_DARK, length=3, pad=2)
        bar.outline.set_visible(False)
        for label in (bar.ax.get_xticklabels()[0], bar.ax.get_xticklabels()[-1]):
            label.set_ha('left' if label.get_position()[0] == 0 else 'center')

    def _column(self, number: int) -> float:
        return _MARGIN + self._left + 2 * _GAP + number * (self._width + _GAP)

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        across, down = self._size
        place = (left / across, 1 - (top + height) / down, width / across, height / down)
        axes = self._figure.add_axes(place)
        axes.set_axis_off()
        return axes

    def _text(self, left: float, top: float, text: str, size: float, color: str = _DARK, **options: Any) -> None:
        across, down = self._size
        self._figure.text(
            left / across, 1 - top / down, text, size=size, color=color, va='top', parse_math=False, **options
        )
