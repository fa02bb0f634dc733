"""A map as colors over the image."""

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Perceptually uniform, and the same for color-blind people.
DENSE, SHARE = matplotlib.colormaps['cividis'], matplotlib.colormaps['inferno']
_OPACITY = 0.72  # of the colors over the image in gray
GAMMA = 0.5  # of shares, most of which are small beside the largest


def shade(image: Pixels, values: Floats, dense: bool, most: float | None = None) -> Pixels:
    """Colors over the image in gray.

    Args:
        image: The image in RGB, (H, W, 3).
        values: Values over it, of any size.
        dense: Whether colors range from the smallest to the largest value; else they are those of the square root,
            from 0 to the largest.
        most: What counts as the largest value; None for that of `values`.

    Returns:
        RGB of the size of the image.
    """
    height, width = image.shape[:2]
    colors = (DENSE if dense else SHARE)(scaled(values, dense, most))[..., :3].astype(np.float32)
    colors = cv2.resize(colors, (width, height), interpolation=cv2.INTER_NEAREST)
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return np.uint8(np.clip(255 * _OPACITY * colors + (1 - _OPACITY) * gray + 0.5, 0, 255))


def scaled(values: Floats, dense: bool, most: float | None = None) -> Floats:
    """Values as positions on the color scale, 0 to 1; arguments as of :func:`shade`."""
    least = float(values.min()) if dense else 0.0
    span = (float(values.max()) if most is None else most) - least
    positions = (values - least) / span if span > 0 else np.zeros_like(values)
    return positions if dense else positions**GAMMA


def mark_point(picture: Pixels, x: float, y: float, size: int) -> Pixels:
    """A copy of a picture with a ring around a point: white in black, seen on any ground.

    Args:
        picture: In RGB.
        x: Column of the point in pixels of the picture.
        y: Row.
        size: Radius of the ring in pixels.
    """
    marked = np.ascontiguousarray(picture.copy())
    width, at = max(1, round(size / 4)), (round(x * 8), round(y * 8))
    for color, thickness in (((0, 0, 0), 3 * width), ((255, 255, 255), width)):
        cv2.circle(marked, at, size * 8, color, thickness, cv2.LINE_AA, shift=3)
    return marked
