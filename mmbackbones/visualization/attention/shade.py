"""A map as colors over the image."""

from typing import Any

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt

from .kinds import Kind

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Perceptually uniform, and the same for color-blind people.
_OF_IMAGE, _OF_POINT = matplotlib.colormaps['cividis'], matplotlib.colormaps['inferno']
_OPACITY = 0.8  # of the colors over the image
_DIMMED = 0.65  # brightness of the image where there are no values


def shade(image: Pixels, values: Floats, kind: Kind, limits: tuple[float, float] | None = None) -> Pixels:
    """Colors over the image in gray; where a point has no weight, the image alone.

    Args:
        image: The image in RGB, (H, W, 3).
        values: Values over it, of any size.
        kind: What they are.
        limits: Which values have the first and the last color; None: those of :func:`color_limits`.

    Returns:
        RGB of the size of the image.
    """
    height, width = image.shape[:2]
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32) / 255
    limits = limits or color_limits(values, kind)
    values = np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_NEAREST), np.float32)
    colored = _blend(scaled(values, kind, limits), gray, kind)
    if not kind.of_point:
        return colored
    return np.where(values[..., None] > 0, colored, np.uint8(255 * _DIMMED * gray))


def color_limits(values: Floats, kind: Kind) -> tuple[float, float]:
    """The smallest and the largest value; of weights, the smallest of those that there are."""
    if kind.root:
        return 0.0, float(values.max())
    some = values[values > 0] if kind.of_point else values
    return (float(some.min()), float(some.max())) if some.size else (0.0, 0.0)


def scaled(values: Floats, kind: Kind, limits: tuple[float, float]) -> Floats:
    """Values as positions on the color scale, 0 to 1."""
    least, most = limits
    positions = np.clip((values - least) / (most - least), 0, 1) if most > least else np.zeros_like(values)
    return np.asarray(np.sqrt(positions) if kind.root else positions, np.float32)


def color_bar(length: int, kind: Kind) -> Pixels:
    """The colors of all positions from 0 to 1, over a medium gray: (1, length, 3)."""
    return _blend(np.linspace(0, 1, length, dtype=np.float32)[None], np.float32(0.5), kind)


def _blend(positions: Floats, gray: Any, kind: Kind) -> Pixels:
    colors = (_OF_POINT if kind.of_point else _OF_IMAGE)(positions)[..., :3]
    # Where most values are small beside the largest, the image is seen below them.
    opacity = _OPACITY * (np.minimum(1.5 * positions, 1) if kind.root else np.ones_like(positions))[..., None]
    ground = gray * _DIMMED if kind.root else gray
    return np.uint8(np.clip(255 * (opacity * colors + (1 - opacity) * ground) + 0.5, 0, 255))


def mark_point(picture: Pixels, x: float, y: float, size: int) -> Pixels:
    """A copy of a picture with a ring around a point: white in black, seen on any ground.

    Args:
        picture: In RGB.
        x: Column of the point in pixels of the picture.
        y: Row.
        size: Radius of the ring in pixels.
    """
    marked = np.ascontiguousarray(picture.copy())
    width, at = max(1, round(size / 5)), (round(x * 8), round(y * 8))
    for color, thickness in (((0, 0, 0), 3 * width), ((255, 255, 255), width)):
        cv2.circle(marked, at, size * 8, color, thickness, cv2.LINE_AA, shift=3)
    return marked
