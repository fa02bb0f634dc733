"""Label maps in the numbers of the data that a segmentor was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...datasets.checks.label_maps import MAX_BYTE
from ...errors import UserError
from ...utils.atomic_write import atomic_write

Array = np.ndarray[Any, Any]


def write_label_map(segmentation: Array, numbers: Sequence[int], path: Path) -> None:
    """Write a PNG file whose pixels are the data's own numbers of the classes, as training reads them.

    Args:
        segmentation: Index of the class of each pixel, of shape ``(H, W)``.
        numbers: The number of each class; the file has 16 bits per pixel if one is above 255, and else 8.
        path: The file.

    Raises:
        UserError: It cannot be written.
    """
    table = np.array(numbers, np.uint8 if max(numbers) <= MAX_BYTE else np.uint16)
    try:
        with atomic_write(path) as partial:
            Image.fromarray(table[segmentation]).save(partial, 'PNG')
    except OSError as error:
        raise UserError(f'cannot write a label map to {path}: {error.strerror or error}') from error
