"""Label maps, the masks of semantic segmentation: one label a pixel, in a PNG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .inspection import inspect_files, reason

# How a label map is stored: bytes are read by mmseg as they are (the indices of a palette, too); 16 bits it would cut
# to 8, and of several channels it wants one.
BYTES, WIDE, REPEATED = range(3)
FORMS = {'I;16': WIDE, 'I;16B': WIDE, 'I': WIDE, 'L': BYTES, 'P': BYTES, '1': BYTES}  # by PIL's mode
MOST = 257  # labels of one map that are remembered: one more than bytes can hold


@dataclass(frozen=True)
class LabelMap:
    size: tuple[int, int]  # width, height
    form: int  # BYTES, WIDE or REPEATED
    labels: tuple[int, ...]  # those that occur, rising


def read_label_maps(root: Path, folder: Path, names: Sequence[str], source: str) -> list[LabelMap]:
    """What the label maps `names` of `folder` hold. Args and errors: as `mmbackbones.data.inspection.inspect_files`."""
    found = inspect_files(root, folder, names, source, 'mask', _decode)
    return [LabelMap((width, height), form, tuple(labels)) for width, height, form, *labels in found]


def write_as_bytes(path: Path, target: Path) -> None:
    """Store a WIDE or REPEATED label map as BYTES; its labels have been found to be below 256."""
    with Image.open(path) as image:
        array = np.array(image)
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((array if array.ndim == 2 else array[..., 0]).astype(np.uint8)).save(target)


def _decode(path: str) -> tuple[int, ...] | str:
    try:
        with Image.open(path) as image:
            kind, mode, array = image.format, image.mode, np.array(image)
    except Exception as error:  # a decoder may fail with anything, and whatever it is, the file is not sound
        return reason(error)
    if kind != 'PNG':  # JPEG, for one, would have changed the labels
        return f'it is a {kind} file by its content, and not a PNG, which keeps labels as they are'
    form = FORMS.get(mode)
    if form is None:
        colours = array[..., :1] if mode == 'LA' else array[..., :3]
        if (colours != colours[..., :1]).any():
            return 'it is a coloured picture, where one label a pixel is wanted: an 8-bit PNG, grey or with a palette'
        form, array = REPEATED, colours[..., 0]
    return (array.shape[1], array.shape[0], form, *np.unique(array).astype(int)[:MOST].tolist())
