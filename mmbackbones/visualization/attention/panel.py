"""All maps of an image in one picture."""

from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .cells import Cell, cells_of, whole_image
from .kinds import COMPONENTS, KINDS, Kind
from .shade import color_bar

if TYPE_CHECKING:
    from .attention import Attention

Pixels = npt.NDArray[np.uint8]

_DPI = 110
# All lengths are inches.
_AREA = 3.3  # of a picture
_FLATTEST = 2.5  # the longer side relative to the shorter one that pictures are made room for
_NARROWEST = 1.75  # width of that room, for the texts
_MARGIN, _GAP = 0.3, 0.14  # around the panel, between pictures
_TOP = 0.55  # height of the title
_HEADING, _ABOVE = 0.28, 0.18  # height of the line above a row, and what is free above it
_TITLE, _NOTE = 0.22, 0.33  # heights of the lines above and below a picture
_LEFT, _LEAST_LEFT = 1.5, 2.7  # width of the left column: relative to a picture, and the least
_LETTERS = 14.8  # of the legend, in an inch
_LINE, _BAR = 0.165, 0.72  # heights of a line of the legend, and of a color scale with its texts
_DARK, _GRAY = '#1a1a1a', '#5a5a5a'


def draw_panel(attention: 'Attention') -> Pixels:
    """Draw the image with the point, and beside it a row of pictures for each stage.

    Returns:
        RGB, of a size that depends on the numbers of stages and maps and on the proportions of the image.
    """
    return _Panel(attention).drawn()


class _Panel:
    """A panel; positions are inches from its upper left corner."""

    def __init__(self, attention: 'Attention') -> None:
        self._attention = attention
        height, width = attention.image.shape[:2]
        aspect = float(np.clip(width / height, 1 / _FLATTEST, _FLATTEST))
        self._width, self._height = max((_AREA * aspect) ** 0.5, _NARROWEST), (_AREA / aspect) ** 0.5
        scale = min(self._width / width, self._height / height)
        self._picture = width * scale, height * scale
        self._left = max(_LEFT * self._width, _LEAST_LEFT)
        self._rows = cells_of(attention, _pixels(*self._picture))
        self._step = _ABOVE + _HEADING + _TITLE + self._height + _NOTE
        self._right = self._column(max(len(row.cells) for row in self._rows)) - _GAP
        kinds = [KINDS[found.kind] for found in attention.maps]
        kinds.insert(1, COMPONENTS)
        self._legend = {kind.title: fill(kind.meaning, int(self._left * _LETTERS)) for kind in kinds}
        # A scale for what is of the whole image, and for what is of the point; weights rather than roots of them.
        scales = sorted((kind for kind in kinds if kind is not COMPONENTS), key=lambda kind: kind.root)
        self._scales = {kind.of_point: kind for kind in reversed(scales)}
        legend = sum(map(_height_of, self._legend.values())) + 0.3 + _BAR * len(self._scales)
        rows = len(self._rows) * self._step - _ABOVE
        room = max(rows - legend, 2.0)  # for the image
        scale = min(self._left, room * width / height) / width
        self._image = width * scale, height * scale
        bottom = _MARGIN + _TOP + max(rows, _HEADING + self._image[1] + 0.3 + legend)
        self._size = self._right + _MARGIN, bottom + _MARGIN
        self._figure = Figure(figsize=self._size, dpi=_DPI, facecolor='white')

    def drawn(self) -> Pixels:
        """The panel in RGB."""
        x, y = self._attention.point
        title = f'What {self._attention.backbone} attends to from the point ({x:g}, {y:g})'
        self._text(_MARGIN, _MARGIN, title, 15, weight='bold')
        self._draw_left(_MARGIN + _TOP)
        for number, row in enumerate(self._rows):
            top = _MARGIN + _TOP + number * self._step
            self._text(self._column(0), top, row.heading, 11, weight='bold')
            self._text(self._right, top + 0.03, row.note, 8.5, color=_GRAY, ha='right')
            for column, cell in enumerate(row.cells):
                self._draw_cell(cell, self._column(column), top + _HEADING)
        canvas = FigureCanvasAgg(self._figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def _draw_cell(self, cell: Cell, left: float, top: float) -> None:
        self._text(left, top, cell.title, 9.5)
        self._draw_picture(cell.picture, left, top + _TITLE, *self._picture)
        below = top + _TITLE + self._picture[1] + 0.05
        self._text(left, below, cell.note, 8, color=_GRAY, linespacing=1.2)

    def _draw_left(self, top: float) -> None:
        """The image, the legend and the color scales."""
        height, width = self._attention.image.shape[:2]
        seen_height, seen_width = self._attention.seen
        self._text(_MARGIN, top, f'{width} x {height} pixels', 11, weight='bold')
        if (seen_height, seen_width) != (height, width):
            seen = f'seen as {seen_width} x {seen_height}'
            self._text(_MARGIN + self._left, top + 0.03, seen, 8.5, color=_GRAY, ha='right')
        top += _HEADING
        picture = whole_image(self._attention, _pixels(*self._image))
        self._draw_picture(picture, _MARGIN, top, *self._image)
        top += self._image[1] + 0.3
        for title, meaning in self._legend.items():
            self._text(_MARGIN, top, title, 9.5, weight='bold')
            self._text(_MARGIN, top + 0.2, meaning, 9, color=_GRAY, linespacing=1.25)
            top += _height_of(meaning)
        top += 0.1
        for of_point, kind in sorted(self._scales.items()):
            self._draw_scale(top, kind, f'Colors of {"what the point attends to" if of_point else "feature maps"}')
            top += _BAR

    def _draw_scale(self, top: float, kind: Kind, title: str) -> None:
        self._text(_MARGIN, top, title, 9.5, weight='bold')
        self._draw_picture(color_bar(_pixels(self._left, 0)[0], kind), _MARGIN, top + 0.24, self._left, 0.14)
        self._text(_MARGIN, top + 0.42, 'smallest value', 8.5, color=_GRAY)
        self._text(_MARGIN + self._left, top + 0.42, 'largest value', 8.5, color=_GRAY, ha='right')

    def _column(self, number: int) -> float:
        """Left border of a column of pictures."""
        return _MARGIN + self._left + 2 * _GAP + number * (self._width + _GAP)

    def _draw_picture(self, picture: Pixels, left: float, top: float, width: float, height: float) -> None:
        across, down = self._size
        axes: Axes = self._figure.add_axes((left / across, 1 - (top + height) / down, width / across, height / down))
        axes.set_axis_off()
        axes.imshow(picture, aspect='auto', interpolation='none')

    def _text(self, left: float, top: float, text: str, size: float, color: str = _DARK, **options: Any) -> None:
        across, down = self._size
        place = left / across, 1 - top / down
        self._figure.text(*place, text, size=size, color=color, va='top', parse_math=False, **options)


def _height_of(meaning: str) -> float:
    """Height of an entry of the legend."""
    return 0.34 + _LINE * (meaning.count('\n') + 1)


def _pixels(width: float, height: float) -> tuple[int, int]:
    return max(1, round(width * _DPI)), max(1, round(height * _DPI))
