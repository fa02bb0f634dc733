"""Images that a browser sent: checked before anything is decoded, then read as a test reads them."""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ...datasets.checks.images import image_damage
from ...errors import UserError, summarize_error
from ...utils.files import read_bytes
from ...utils.opencv_log import silent_opencv

Array = np.ndarray[Any, Any]

MAX_BYTES = 32 << 20  # of a file
MAX_PIXELS = 100_000_000  # of an image, as its header says
LONGEST_SIDE = 2560  # of what is predicted and drawn; larger images are made smaller
_FORMATS = ('JPEG', 'PNG', 'WEBP', 'BMP', 'GIF', 'TIFF')
_JPEG = ('JPEG', 'MPO')  # MPO: a phone's JPEG with another behind it
_KNOWN = 'JPEG, PNG, WebP, BMP, GIF or TIFF'
_SCAN, _MOST_SCANS = b'\xff\xda', 200  # a JPEG file of a few MiB could have all of its pixels decoded a million times


def is_inside(path: object, folder: Path) -> bool:
    """Whether a path is that of a regular file in a folder, with no link leading out of it.

    Args:
        path: Anything; what is no text is no path.
        folder: The folder, without links in its own path.
    """
    if not isinstance(path, str) or '\0' in path:
        return False
    file = Path(os.path.realpath(path))
    return Path(path).is_absolute() and file.is_relative_to(folder) and file.is_file()


def read_upload(path: Path) -> Array:
    """Read an image, uint8 (H, W, 3) in RGB, turned by its EXIF orientation, at its size in the file.

    Args:
        path: A file of unknown content.

    Raises:
        UserError: It is not an image of a known format, is damaged, or too large to be decoded.
    """
    try:
        data = read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise UserError(error.strerror or str(error)) from error
    _check_header(data)
    with silent_opencv():
        if damage := image_damage(str(path), decode=False):
            raise UserError(damage)
        try:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            pixels = None
        if pixels is None:
            raise UserError(image_damage(str(path)) or 'it cannot be decoded')
    return np.ascontiguousarray(pixels[..., ::-1])


def shrink(image: Array) -> Array:
    """The image itself, or if it is larger than `LONGEST_SIDE`, a smaller one of the same proportions."""
    height, width = image.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _check_header(data: bytes) -> None:
    """Raise UserError for what is no image, or one that would take too much memory or time; nothing is decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of images that are large, but not too large for us
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                width, height = image.size
                is_jpeg = image.format in _JPEG
    except Image.DecompressionBombError as error:
        raise UserError(f'it has too many pixels: at most {MAX_PIXELS // 10**6} million are read') from error
    except Exception as error:  # a parser may raise anything, and whatever it is, the file is no image
        if isinstance(error, Image.UnidentifiedImageError) or not str(error):
            raise UserError(f'it is not an image that can be read: give a file in {_KNOWN}') from error
        raise UserError(f'it is not an image that can be read: {summarize_error(error)}') from error
    if width * height > MAX_PIXELS:
        raise UserError(f'it has {width} x {height} pixels: at most {MAX_PIXELS // 10**6} million are read')
    if is_jpeg and data.count(_SCAN) > _MOST_SCANS:
        raise UserError(f'it is a JPEG file of more than {_MOST_SCANS} scans, which would take too long to decode')
