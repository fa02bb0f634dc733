"""Tinted regions of an image, and where their names go."""

import cv2
import numpy as np
import numpy.typing as npt

from .class_colors import class_colors

_OPACITY = 0.4
_DEEP = 0.85  # depth of the place for a name, relative to the deepest
_DROP_FOURTH = cv2.COLOR_RGBA2RGB
_SMALL = 512  # pixels of the longer side of the label map in which places for names are looked for


def tint_regions(image: npt.NDArray[np.uint8], regions: npt.NDArray[np.uint16], width: int) -> npt.NDArray[np.uint8]:
    """Mix an image with the colors of its regions, whose borders are opaque.

    Args:
        image: The image in RGB; it is not changed.
        regions: 1 + index of the class of each pixel; 0 where the image stays as it is.
        width: Width of the border of a region in pixels, which lies inside the region.
    """
    colors = np.zeros((1 + int(regions.max()), 4), np.uint8)
    colors[1:, :3] = class_colors(len(colors) - 1)
    # Four bytes at once: a table of single bytes takes ten times as long.
    tint = cv2.cvtColor(colors.view(np.uint32)[:, 0][regions].view(np.uint8).reshape(*regions.shape, 4), _DROP_FOURTH)
    picture = cv2.addWeighted(tint, _OPACITY, image, 1 - _OPACITY, 0)
    cv2.copyTo(tint, _find_borders(regions, width), picture)
    return np.asarray(cv2.copyTo(image, (regions == 0).view(np.uint8), picture), np.uint8)


def _find_borders(regions: npt.NDArray[np.uint16], width: int) -> npt.NDArray[np.uint8]:
    """Where another region, not the border of the image, is at most `width` pixels away: 1, else 0."""
    kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    return (cv2.dilate(regions, kernel) != cv2.erode(regions, kernel)).view(np.uint8)


def deepest_points(regions: npt.NDArray[np.uint16]) -> dict[int, tuple[float, float]]:
    """A point of each class that lies deep inside its widest region and near the middle of all its pixels.

    Returns:
        For each value in `regions` but 0, column and row of the point; the largest class first.
    """
    height, width = regions.shape
    scale = min(1, _SMALL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(regions, size, interpolation=cv2.INTER_NEAREST)
    values, counts = np.unique(small, return_counts=True)
    points = {}
    for value in values[np.argsort(-counts, kind='stable')]:
        if value:
            x, y = _deepest_point((small == value).view(np.uint8))
            points[int(value)] = ((x + 0.5) * width / small.shape[1], (y + 0.5) * height / small.shape[0])
    return points


def _deepest_point(inside: npt.NDArray[np.uint8]) -> tuple[int, int]:
    framed = cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    # Not the deepest of all: from one frame of a video to the next it may jump from one end of a street to the other.
    deep = np.argwhere(depth >= _DEEP * depth.max())
    moments = cv2.moments(inside, binaryImage=True)
    middle = np.array([moments['m01'], moments['m10']]) / moments['m00']
    y, x = deep[np.square(deep - middle).sum(axis=1).argmin()]
    return int(x), int(y)
