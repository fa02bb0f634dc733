"""Images as training will see them."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .inspection import inspect_files, reason

ORIENTATION = 0x0112  # EXIF tag; 1 = upright
SUFFIXES = {'.avif', '.bmp', '.gif', '.jpeg', '.jpg', '.jp2', '.png', '.tif', '.tiff', '.webp'}


def image_sizes(root: Path, folder: Path, names: Sequence[str], source: str) -> list[tuple[int, int]]:
    """Verify the images `names` of `folder` by decoding them; each one's width and height as training will see it.

    Args and errors: as :func:`~mmbackbones.data.inspection.inspect_files`.
    """
    return inspect_files(root, folder, names, source, 'image', _decode)


def _decode(path: str) -> tuple[int, int] | str:
    """Width and height, or why training could not read the file.

    PIL is the strict one: OpenCV fills what a truncated file lacks with grey. OpenCV is what training reads with, so
    it is asked wherever the two may differ: rarer formats, and images that it turns by their EXIF orientation.
    """
    try:
        with Image.open(path) as image:
            size, kind = image.size, image.format
            if kind == 'JPEG':
                image.draft('L', (1, 1))  # decodes at an eighth of the size, but every byte
            image.load()
            if kind in ('JPEG', 'PNG') and image.getexif().get(ORIENTATION, 1) == 1:
                return size
        array = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except Exception as error:  # a decoder may fail with anything, and whatever it is, the file is not sound
        return reason(error)
    if array is None:
        return f'OpenCV, which training reads images with, does not know this kind of {kind} file'
    return array.shape[1], array.shape[0]
