"""Boxes, masks and contours of objects, drawn by supervision."""

import warnings
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from .class_colors import class_color

_OPACITY = 0.4  # of masks


def draw_outlines(
    picture: npt.NDArray[np.uint8],
    boxes: npt.NDArray[np.integer],
    labels: Sequence[int],
    masks: npt.NDArray[np.bool_] | None,
    width: int,
) -> npt.NDArray[np.uint8]:
    """Draw boxes and masks, whose contours tell touching objects of one class apart.

    Args:
        picture: A picture in RGB; it is not changed.
        boxes: Left, top, right and bottom of the outer edge of each box's lines, of shape ``(N, 4)``.
        labels: Index of each object's class.
        masks: Pixels of each object, or None.
        width: Width of the lines.

    Returns:
        The drawing in RGB.
    """
    with warnings.catch_warnings():  # on import it has all warnings of its own shown, always
        import supervision as sv

    used, index = np.unique(labels, return_inverse=True)
    palette = sv.ColorPalette([sv.Color(*class_color(int(label))) for label in used])
    found = sv.Detections(xyxy=boxes - np.array([0, 0, 1, 1]), class_id=index)
    drawing = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8)
    if masks is not None:
        # Of each mask only the part that holds it: drawing whole masks takes several times as long.
        found.mask = sv.CompactMask.from_dense(masks, _find_extents(masks), masks.shape[1:])
        sv.MaskAnnotator(palette, opacity=_OPACITY).annotate(drawing, found)
        sv.PolygonAnnotator(palette, thickness=width).annotate(drawing, found)
        width = max(1, width // 2)
    for _ in range(width):  # OpenCV's own wide lines have round corners, and even widths are one pixel wider
        sv.BoxAnnotator(palette, thickness=1).annotate(drawing, found)
        found.xyxy = found.xyxy + np.array([1, 1, -1, -1])
    return np.asarray(cv2.cvtColor(drawing, cv2.COLOR_BGR2RGB), np.uint8)


def _find_extents(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """First and last column and row of each mask, of shape ``(N, 4)``."""
    extents = np.array([cv2.boundingRect(mask.view(np.uint8)) for mask in masks])
    extents[:, 2:] += extents[:, :2] - 1
    return extents
