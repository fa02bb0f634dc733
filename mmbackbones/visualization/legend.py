"""A legend: names of classes on their colors."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .class_colors import class_color
from .label_places import LabelPlaces
from .text import class_name, fitting_label, label

_MARGIN = 0.5  # between the legend and the border, in heights of its text
_TALLEST = 0.7  # share of the height of the picture
_WIDEST = 0.5
_GRAY = (64, 64, 64)


def draw_legend(
    picture: npt.NDArray[np.uint8], indices: Sequence[int], classes: Sequence[str], size: int, places: LabelPlaces
) -> None:
    """Draw a legend of some classes at the border of a picture, if there is room for it.

    Args:
        picture: The picture in RGB, changed in place.
        indices: Indices of the classes.
        classes: Name of each class.
        size: Size of the font in pixels.
        places: Where the picture has labels.
    """
    height, width = picture.shape[:2]
    names = [
        fitting_label(class_name(index, classes), '', size, class_color(index), int(width * _WIDEST))
        for index in indices
    ]
    fitting = int(height * _TALLEST) // label('', size, _GRAY).shape[0]
    if len(names) > fitting > 0:
        names[fitting - 1 :] = [label(f'{len(names) - fitting + 1} more', size, _GRAY)]
    if not names or not fitting:
        return
    widest = max(name.shape[1] for name in names)
    legend = np.concatenate([_widen(name, widest) for name in names])
    place = places.at_border(widest, len(legend), round(size * _MARGIN))
    if place:
        paint(picture, legend, *place)


def paint(picture: npt.NDArray[np.uint8], part: npt.NDArray[np.uint8], left: int, top: int) -> None:
    """Put a smaller picture into a picture, in place."""
    picture[top : top + part.shape[0], left : left + part.shape[1]] = part


def _widen(name: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.uint8]:
    return np.concatenate([name, np.broadcast_to(name[:1, :1], (len(name), width - name.shape[1], 3))], axis=1)
