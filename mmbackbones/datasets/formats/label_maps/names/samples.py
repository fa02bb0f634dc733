"""A look into some of the label maps: whether they are color images, and in which colors."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .....utils.files import is_regular
from ....checks.image_memory import open_image
from ....checks.label_maps import palette_is_gray

MAX_SAMPLES = 12
MAX_PIXELS = 1 << 26  # of a label map that is looked at
MAX_COUNTED = 1 << 20  # pixels of a label map, which is thinned out to about so many
_GRAY = {'1', 'L', 'I', 'I;16', 'I;16B'}
_COLORED = {'RGB', 'RGBA', 'P', 'PA'}


@dataclass(frozen=True)
class Sample:
    """What some of the label maps hold.

    Attributes:
        colored: The first that is a color image, if any is and none has one channel; or one with a palette that gives
            a color another number than that of another label map.
        colors: Share of each color, as 0xRRGGBB, in all of them, the most frequent first; palettes have colors, too.
        values: Values of those that are no color images, of palettes the indices.
        reordered: Whether palettes give a color different numbers.
    """

    colored: Path | None
    colors: dict[int, float]
    values: frozenset[int]
    reordered: bool = False


def sample(files: Sequence[Path]) -> Sample:
    """Look into some label maps; those that cannot be read are left to their reader."""
    step = max(1, len(files) // MAX_SAMPLES)
    counts, values = Counter[int](), set[int]()
    colored: list[Path] = []
    one_channel = False
    numbers: dict[int, int] = {}
    reordered: Path | None = None
    for file in files[::step][:MAX_SAMPLES]:
        try:
            mode, found, colors, palette = _look(file)
        except Exception:  # a decoder may raise anything, and the reader reports it
            continue
        counts.update(colors)
        values |= found
        colored += [] if found else [file]
        one_channel |= mode in _GRAY or mode == 'P'
        if any(numbers.setdefault(color, index) != index for color, index in palette.items()):
            reordered = file
    total = counts.total()
    shares = {color: count / total for color, count in counts.most_common()}
    first = colored[0] if colored and not one_channel else reordered
    return Sample(first, shares, frozenset(values), reordered is not None)


def _look(file: Path) -> tuple[str, set[int], dict[int, int], dict[int, int]]:
    """How the pixels of a label map are stored, its values, which a color image has not, its pixels of each color, and
    the number of each color in its palette.

    Raises:
        ValueError: It is nothing to look at.
    """
    if not is_regular(file):
        raise ValueError('not a regular file')
    with open_image(file) as image:
        if image.format == 'JPEG' or image.width * image.height > MAX_PIXELS:
            raise ValueError('no label map, or too large')
        thin = max(1, math.isqrt(image.width * image.height // MAX_COUNTED))
        values = set[int]()
        if image.mode in _GRAY or image.mode == 'P':
            values.update(np.unique(np.array(image)[::thin, ::thin]).tolist())
        if image.mode not in _COLORED | {'1', 'L', 'LA'}:
            return image.mode, values, {}, {}
        palette = _number_colors(image, values) if image.mode == 'P' else {}
        colors = np.array(image.convert('RGB'))[::thin, ::thin].astype(np.uint32)
    red, green, blue = np.moveaxis(colors, 2, 0)
    if not values and (red == green).all() and (green == blue).all():
        values.update(np.unique(red).tolist())
    numbers, counts = np.unique(red << 16 | green << 8 | blue, return_counts=True)
    return image.mode, values, dict(zip(numbers.tolist(), counts.tolist(), strict=True)), palette


def _number_colors(image: Image.Image, values: set[int]) -> dict[int, int]:
    """Color -> its number, of the colors that occur and that a palette has once; none if it only stores gray levels."""
    if palette_is_gray(image):
        return {}
    colors = np.reshape(image.getpalette() or [], (-1, 3)).tolist()
    entries = [red << 16 | green << 8 | blue for red, green, blue in colors]
    times = Counter(entries)
    return {color: number for number, color in enumerate(entries) if number in values and times[color] == 1}
