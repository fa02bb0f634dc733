"""Run-length codes (RLE, as COCO has them), made from where runs begin and end."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

Array = np.ndarray[Any, Any]


def rle_of_runs(starts: Array, ends: Array, height: int, width: int) -> dict[str, Any]:
    """The RLE of a mask.

    Args:
        starts: (n,) where its runs begin, in pixels counted down the columns; rising.
        ends: (n,) where they end, each before the next one starts.
        height: Of the image in pixels.
        width: Of the image in pixels.
    """
    runs = np.stack([starts, ends], 1).ravel()
    if not runs.size or runs[-1] < width * height:
        runs = np.append(runs, width * height)
    counts = np.diff(runs, prepend=0)
    rle: dict[str, Any] = coco_mask.frPyObjects(dict(counts=counts.tolist(), size=[height, width]), height, width)
    return rle


def rles_of_labels(labels: Array) -> dict[int, dict[str, Any]]:
    """The pixels of each label in a label map, as RLE; in one pass, however many labels there are.

    Args:
        labels: (H, W) integers.
    """
    height, width = labels.shape
    pixels = labels.ravel(order='F')
    if not pixels.size:
        return {}
    starts = np.append(0, np.flatnonzero(pixels[1:] != pixels[:-1]) + 1)
    ends = np.append(starts[1:], pixels.size)
    values = pixels[starts]
    return {
        label: rle_of_runs(starts[values == label], ends[values == label], height, width)
        for label in np.unique(values).tolist()
    }
