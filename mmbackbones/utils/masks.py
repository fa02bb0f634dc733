"""Masks of objects, in whatever form MMDetection and its relatives hold them, as one array."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask


def dense_masks(masks: Any, height: int, width: int) -> np.ndarray[Any, Any]:
    """Masks as an array, bool ``(n, H, W)``.

    Args:
        masks: A tensor or an array of that shape, MMDetection's ``BitmapMasks`` or ``PolygonMasks``, or a list of
            run-length encodings, as of objects that are merged from tiles.
        height: Of the image in pixels.
        width: Of the image in pixels.
    """
    if hasattr(masks, 'to_ndarray'):
        return np.asarray(masks.to_ndarray(), bool)
    if not isinstance(masks, list):
        return np.asarray(masks, bool)
    dense = np.empty((len(masks), height, width), bool)  # filled one by one: those of a large image take gigabytes
    for place, mask in zip(dense, masks, strict=True):
        place[:] = coco_mask.decode(mask)
    return dense
