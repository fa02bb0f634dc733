"""Grids of images, for the demo."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

_TITLES = ('ground truth', 'prediction')  # of the left and right half of each image
_TITLE_HEIGHT = 28  # pixels above each image in a grid
_BORDER = 8  # pixels on the other sides
_WHITE = (255, 255, 255)


def image_grid(images: Sequence[Path], path: Path, columns: int = 3, height: int = 256) -> None:
    """Put images, each with the ground truth on its left and the prediction on its right, into one PNG file.

    Args:
        images: Image files of equal proportions, at least one.
        path: The PNG file to write.
        columns: Number of images per row. The last row may have fewer, and is filled up with white.
        height: Height of each image in the grid, in pixels.

    Raises:
        ValueError: There are no images.
    """
    if not images:
        raise ValueError('a grid needs at least one image')
    tiles = [_tile(image, height) for image in images]
    columns = min(columns, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)]
    path.write_bytes(cv2.imencode('.png', np.vstack(rows))[1].tobytes())


def _tile(path: Path, height: int) -> np.ndarray:
    image = np.asarray(cv2.imread(str(path)))
    width = round(image.shape[1] * height / image.shape[0])
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    tile = cv2.copyMakeBorder(resized, _TITLE_HEIGHT, _BORDER, _BORDER, _BORDER, cv2.BORDER_CONSTANT, value=_WHITE)
    for title, x in zip(_TITLES, (_BORDER, _BORDER + width // 2), strict=True):
        cv2.putText(tile, title, (x, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA)
    return tile
