"""Sheets: many pictures with captions in one PNG file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import printable
from ...visualization.drawing import Pixels
from ...visualization.picture_file import write_picture
from ...visualization.text import fitting_label
from ..pictures import data_uri

_GAP = 10
_TEXT = 13
_WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Picture:
    """A picture with its caption.

    Attributes:
        pixels: In RGB.
        caption: Any text.
    """

    pixels: Pixels
    caption: str

    @property
    def item(self) -> dict[str, str]:
        """What the macro ``pictures`` of ``macros.html`` takes."""
        return dict(source=data_uri(self.pixels), caption=self.caption, alt=self.caption)


def write_sheet(pictures: Sequence[Picture], path: Path, columns: int) -> None:
    """Write pictures in rows, each above its caption.

    Args:
        pictures: At least one.
        path: The PNG file.
        columns: How many stand side by side.

    Raises:
        OSError: The file cannot be written.
    """
    columns = min(columns, len(pictures))
    width = max(picture.pixels.shape[1] for picture in pictures)
    rows = [_row(pictures[start : start + columns], width, columns) for start in range(0, len(pictures), columns)]
    write_picture(np.concatenate(rows), path)


def _row(pictures: Sequence[Picture], width: int, columns: int) -> Pixels:
    captions = [_caption(picture.caption, width) for picture in pictures]
    height = max(picture.pixels.shape[0] for picture in pictures)
    row = np.full((_GAP + height + len(captions[0]) + _GAP, _GAP + columns * (width + _GAP), 3), 255, np.uint8)
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, (tall, wide) = _GAP + place * (width + _GAP), picture.pixels.shape[:2]
        row[_GAP : _GAP + tall, left : left + wide] = picture.pixels
        row[_GAP + tall : _GAP + tall + len(caption), left : left + caption.shape[1]] = caption
    return row


def _caption(text: str, width: int) -> Pixels:
    return fitting_label(printable(' '.join(text.split())), '', _TEXT, _WHITE, width)
