"""Images of strangers: which formats are opened, and which sizes would take more memory or time than there is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from ...utils.host_memory import available_memory

MAX_PIXELS = 1 << 30  # of an image that OpenCV reads
_PLAIN, _DEEP = 8, 24  # bytes of memory that a check takes for a pixel, of 8 bits in three channels or of more
_SMALL = 1 << 24  # pixels that are decoded in any case
# A JPEG file may go over its pixels again and again, in a few bytes each time; programs write about ten such passes.
LARGE = 1 << 26  # pixels; decoding larger images in all threads at once would need too much memory
_one_large_image = Lock()
# Of Pillow's formats those that hold images; it starts another program for EPS files, whatever their name.
_FORMATS = (
    *('AVIF', 'BMP', 'DDS', 'DIB', 'GIF', 'ICNS', 'ICO', 'JPEG', 'JPEG2000', 'MPO', 'PCX', 'PNG', 'PPM', 'PSD'),
    *('QOI', 'SGI', 'SUN', 'TGA', 'TIFF', 'WEBP'),
)
_PASSES, _PIXELS_IN_PASSES = 64, 1 << 32
_PASS = b'\xff\xda'
_PORTION = 1 << 20  # values


@cache
def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def open_image(source: str | os.PathLike[str] | BinaryIO) -> Image.Image:
    """Open an image with Pillow, which decodes it when its pixels are asked for, and never by another program.

    Raises:
        OSError: It is of no known format, or cannot be read.
    """
    return Image.open(source, formats=_formats())


@contextmanager
def one_large_image(pixels: int) -> Iterator[None]:
    """Let no other thread decode a large image meanwhile, if this one is."""
    with _one_large_image if pixels > LARGE else nullcontext():
        yield


def refuse_size(width: int, height: int, plain: bool, data: np.ndarray[Any, Any]) -> str | None:
    """Why an image is not decoded; None if it may be.

    Args:
        width: Width in pixels, as its header says.
        height: Height in pixels.
        plain: Whether it has 8 bits of three colors or of gray.
        data: The file, as bytes.
    """
    pixels = width * height
    if pixels > MAX_PIXELS:
        return f'it has {width} x {height} pixels, more than the {MAX_PIXELS:,} that OpenCV reads'
    if pixels <= _SMALL:
        return None
    needed, memory = pixels * (_PLAIN if plain else _DEEP), available_memory()
    if memory is not None and needed > memory:
        return f'its {width} x {height} pixels take {needed / 1e9:.1f} GB of memory, and {memory / 1e9:.1f} GB are free'
    passes = data.tobytes().count(_PASS) if data[:2].tobytes() == b'\xff\xd8' else 0
    if passes > _PASSES and passes * pixels > _PIXELS_IN_PASSES:
        return f'it goes over its {width} x {height} pixels {passes} times'
    return None


def count_levels(pixels: np.ndarray[Any, Any]) -> int:
    """The number of different values in an image, found with little memory."""
    if pixels.dtype not in (np.uint8, np.uint16):
        return len(np.unique(pixels))
    seen = np.zeros(1 << 8 * pixels.dtype.itemsize, bool)
    flat = pixels.reshape(-1)
    for start in range(0, len(flat), _PORTION):
        seen[flat[start : start + _PORTION]] = True
    return int(seen.sum())
