"""Windows: where the tiles of an image lie."""

from itertools import product
from math import ceil, floor
from typing import NamedTuple


class Window(NamedTuple):
    """A part of an image, in pixels: from column `left` and row `top` up to, without, `right` and `bottom`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top


def place_windows(width: int, height: int, tile: tuple[int, int], overlap: float) -> list[Window]:
    """Cover an image with windows of one size, evenly and up to its borders.

    Args:
        width: Of the image, in pixels.
        height: Of the image, in pixels.
        tile: Width and height of a window in pixels; a side that is longer than the image's is as long as that.
        overlap: Share of a window, from 0 to below 1, that its neighbor on each side covers, too, at least.

    Returns:
        The windows, one line of them along the shorter side of the image after the other; none if one would be the
        whole image.
    """
    if width <= tile[0] and height <= tile[1]:
        return []
    columns, rows = _starts(width, tile[0], overlap), _starts(height, tile[1], overlap)
    side, length = min(width, tile[0]), min(height, tile[1])
    places = product(columns, rows) if width > height else ((left, top) for top in rows for left in columns)
    return [Window(left, top, left + side, top + length) for left, top in places]


def _starts(length: int, tile: int, overlap: float) -> list[int]:
    """Where windows begin along one side."""
    if length <= tile:
        return [0]
    # In whole pixels, so that rounding the starts down does not make a step larger.
    step = max(1, floor(tile * (1 - overlap) + 1e-9))
    steps = ceil((length - tile) / step)
    return [i * (length - tile) // steps for i in range(steps + 1)]
