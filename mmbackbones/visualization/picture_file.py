"""Drawn pictures as files."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ..utils.atomic_write import atomic_write

_LARGEST = {'.jpeg': 65500, '.jpg': 65500, '.webp': 16383}  # pixels on a side that the format can have


def write_picture(picture: npt.NDArray[np.uint8], path: Path) -> None:
    """Write a picture, made smaller if it is larger than its format allows.

    Args:
        picture: In RGB, of shape ``(H, W, 3)``.
        path: The file; its suffix says the format.

    Raises:
        ValueError: The format is not known.
        OSError: The file cannot be written.
    """
    scale = _LARGEST.get(path.suffix.lower(), max(picture.shape)) / max(picture.shape)
    if scale < 1:
        size = [max(1, int(side * scale)) for side in picture.shape[1::-1]]
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    try:
        known, content = cv2.imencode(path.suffix, picture[..., ::-1])
    except cv2.error:
        known = False
    if not known:
        raise ValueError(f'pictures cannot be written as {path.suffix or "a file without suffix"}')
    with atomic_write(path) as partial:
        partial.write_bytes(content.tobytes())
