"""A look into some of the label maps: whether they are color images, and in which colors."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ....utils.files import is_regular

MAX_SAMPLES = 12
MAX_PIXELS = 1 << 26  # of a label map that is looked at
MAX_COLORS = 256  # of a label map


@dataclass(frozen=True)
class Sample:
    """What some of the label maps hold.

    Attributes:
        colored: The first that is a color image, if any is and none has one channel.
        colors: Share of each color, as 0xRRGGBB, in all of them; of palettes, those of the palette.
        values: Values of the maps of one channel, of palettes the indices.
    """

    colored: Path | None
    colors: dict[int, float]
    values: frozenset[int]


def sample(files: Sequence[Path]) -> Sample:
    """Look into some label maps; those that cannot be read are left to their reader."""
    step = max(1, len(files) // MAX_SAMPLES)
    colored, colors, values, total = None, Counter[int](), set[int](), 0
    for file in files[::step][:MAX_SAMPLES]:
        try:
            if not is_regular(file):
                continue
            with Image.open(file) as image:
                if image.format == 'JPEG' or image.width * image.height > MAX_PIXELS:
                    continue
                found = np.array(image)
                rgb = np.array(image.convert('RGB')) if image.mode in _MODES else None
        except Exception:  # a decoder may raise anything, and the reader reports it
            continue
        if found.ndim == 2:
            values.update(np.unique(found)[:MAX_COLORS].tolist())
        if rgb is None:
            continue
        packed = rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
        for color, count in zip(*np.unique(packed, return_counts=True), strict=True):
            colors[int(color)] += int(count)
        total += packed.size
        if colored is None and found.ndim == 3 and found.shape[2] > 2 and (rgb != rgb[..., :1]).any():
            colored = file
    colored = None if values else colored
    return Sample(colored, {color: count / total for color, count in colors.most_common()}, frozenset(values))


_MODES = {'1', 'L', 'LA', 'P', 'PA', 'RGB', 'RGBA', 'CMYK'}
