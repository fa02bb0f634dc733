"""Photographs and drawings inside a page."""

import base64
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ..utils.files import read_bytes
from ..utils.opencv_log import silent_opencv

Pixels = npt.NDArray[np.uint8]

MOST_BYTES = 48 << 10  # of a picture: 150 of them, as text, take 9.6 MB
_LARGEST_ZOOM = 4  # of images that are smaller than their place in a page
_LOWER = 15  # steps of quality
_LEAST = 40  # quality; below that, a smaller picture looks better


def read_image(path: Path) -> Pixels | None:
    """Read an image as in training: in RGB, turned by its EXIF orientation; None if it cannot be read."""
    try:
        content = np.frombuffer(read_bytes(path), np.uint8)
        with silent_opencv():
            image = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except (OSError, ValueError, cv2.error):  # no path may hold a null byte
        return None
    return None if image is None else np.ascontiguousarray(image[..., ::-1], np.uint8)


def resized(image: Pixels, longest_side: int) -> tuple[Pixels, float]:
    """Resize an image for a page, before anything is drawn on it, so that lines and letters have the size of the page.

    Args:
        image: In RGB, of shape ``(H, W, 3)``.
        longest_side: Pixels of the longer side. An image that is much smaller is enlarged no more than fourfold.

    Returns:
        The image, and the factor that coordinates in it are multiplied by.
    """
    scale = min(longest_side / max(image.shape[:2]), _LARGEST_ZOOM)
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8), scale


def data_uri(picture: Pixels, longest_side: int = 480, quality: int = 85, most: int = MOST_BYTES) -> str:
    """A picture as the text that an ``img`` of a page takes as its ``src``.

    Args:
        picture: In RGB, of shape ``(H, W, 3)``.
        longest_side: Pixels of the longer side; a smaller picture stays as it is.
        quality: Quality of JPEG, from 1 to 100.
        most: Bytes that the picture may have; quality and then size are reduced until it does. With the default, a page
            of 150 pictures stays below 10 MB.
    """
    if max(picture.shape[:2]) > longest_side:
        picture, _ = resized(picture, longest_side)
    while len(content := _jpeg(picture, quality)) > most:
        if quality > _LEAST:
            quality = max(quality - _LOWER, _LEAST)
        else:
            picture, _ = resized(picture, max(picture.shape[:2]) * 3 // 4)
    return 'data:image/jpeg;base64,' + base64.b64encode(content).decode()


def _jpeg(picture: Pixels, quality: int) -> bytes:
    done, content = cv2.imencode('.jpg', picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f'no picture: an array of shape {picture.shape}')
    return content.tobytes()
