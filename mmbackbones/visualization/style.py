"""How wide lines and how large letters are in a picture."""

import math

import numpy as np
import numpy.typing as npt

_LINE = 1 / 300  # width of a line relative to the size of the picture, which is the root of its area
_WIDEST = 7  # pixels
_LINE_OF_OBJECT = 1 / 12  # the most relative to the shorter side of a usual object
_TEXT = 1 / 45
_TEXT_OF_SMALL = 1 / 110  # the least, where objects are small
_AREA_OF_LABEL = 10  # of a usual name and score, relative to the squared size of the letters
_ALL_LABELS = 1 / 5  # of the picture that they should hide at the most
_SMALLEST, _LARGEST = 9, 64  # pixels; smaller letters cannot be read


def line_width(width: int, height: int, boxes: npt.NDArray[np.integer] | None = None) -> int:
    """Width of lines in pixels: by the size of the picture, and thinner around small objects."""
    most = math.sqrt(width * height) * _LINE
    if boxes is not None and len(boxes):
        most = min(most, float(np.median(_sides(boxes).min(axis=1))) * _LINE_OF_OBJECT)
    return max(1, min(round(most), _WIDEST))


def text_size(width: int, height: int, boxes: npt.NDArray[np.integer] | None = None) -> int:
    """Size of letters in pixels: by the size of the picture, and smaller beside small objects and in crowds."""
    size = math.sqrt(width * height)
    most = size * _TEXT
    if boxes is not None and len(boxes):
        most = min(most, max(size * _TEXT_OF_SMALL, float(np.median(_sides(boxes).max(axis=1))) / 2))
        most = min(most, size * math.sqrt(_ALL_LABELS / (len(boxes) * _AREA_OF_LABEL)))
    return max(_SMALLEST, min(round(most), _LARGEST))


def _sides(boxes: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    return boxes[:, 2:] - boxes[:, :2]
