"""Masks as run-length codes of a whole image (RLE, as COCO has them), made from parts of it without decoding them.

Hundreds of masks of an image of 4000 x 3000 pixels take gigabytes; as run lengths they take a few hundred kilobytes.
"""

from math import ceil
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ..run_lengths import rle_of_runs
from .windows import Window


def encode(mask: np.ndarray, window: Window, width: int, height: int) -> dict[str, Any]:
    """Encode a mask of a part of an image.

    Args:
        mask: bool ``(h, w)``. One of another size than the window is scaled to it, smoothly.
        window: The part.
        width: Of the image, in pixels.
        height: Of the image, in pixels.

    Returns:
        RLE of a mask of the whole image.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return coco_mask.frPyObjects(dict(counts=[height * width], size=[height, width]), height, width)
    left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    part = mask[top:bottom, left:right]
    if mask.shape == (window.height, window.width):
        return _encode_part(part, window.left + left, window.top + top, width, height)
    x, y = window.width / mask.shape[1], window.height / mask.shape[0]
    scaled = Window(
        int(left * x), int(top * y), min(ceil(right * x), window.width), min(ceil(bottom * y), window.height)
    )
    # From centers of pixels to centers of pixels; a pixel beyond the part is outside of the object.
    inverse = np.array(
        [
            [1 / x, 0, (scaled.left + 0.5) / x - 0.5 - left],
            [0, 1 / y, (scaled.top + 0.5) / y - 0.5 - top],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    smooth = cv2.warpAffine(part.astype(np.uint8) * 255, inverse, (scaled.width, scaled.height), flags=flags)
    return _encode_part(smooth >= 128, window.left + scaled.left, window.top + scaled.top, width, height)


def _encode_part(mask: np.ndarray, left: int, top: int, width: int, height: int) -> dict[str, Any]:
    """Encode a mask whose upper left pixel is at `left`, `top`."""
    # Runs go down the columns: the rows at which one begins or ends, in columns that begin and end outside.
    framed = np.zeros((mask.shape[1], mask.shape[0] + 2), np.int8)
    framed[:, 1:-1] = mask.T
    column, row = np.nonzero(np.diff(framed, axis=1))
    places = (left + column) * height + top + row
    starts, ends = places[::2], places[1::2]
    apart = starts[1:] > ends[:-1]  # those at the bottom of a column and at the top of the next one are one run
    starts, ends = starts[np.append(True, apart)], ends[np.append(apart, True)]
    return rle_of_runs(starts, ends, height, width)


def union(masks: list[dict[str, Any]]) -> dict[str, Any]:
    """The mask of all pixels that are in one of `masks`."""
    return masks[0] if len(masks) == 1 else coco_mask.merge(masks)
