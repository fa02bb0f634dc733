"""Conversion of label maps into a form that MMSegmentation reads as it is."""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ...utils.atomic_write import atomic_write
from .label_maps import IGNORE_INDEX, MAX_BYTE, Labels, Pair, read_labels
from .label_table import LabelTable

CONVERSION_VERSION = 1  # raise it when the same label map is converted in another way
_SOURCE = 'mmbackbones-source'  # entry of PNG files


def is_read_as_stored(pair: Pair, table: LabelTable) -> bool:
    """Whether MMSegmentation, told of a table by its `settings`, reads a label map as it is."""
    return pair.label.as_stored and not table.in_indices


def convert_label_map(path: Path, target: Path, table: LabelTable) -> None:
    """Write a label map as a PNG file of 8 bits, unless it is there already.

    Args:
        path: Label map, all values of which the table knows.
        target: PNG file to write, with the values below 256, or the indices of the classes if the table needs them;
            what is ignored beyond 255 becomes 255.
        table: Which class each value stands for.
    """
    state = path.stat()
    key = repr((CONVERSION_VERSION, str(path), state.st_size, state.st_mtime_ns, _meaning(table)))
    if _states(target, key):
        return
    info = PngInfo()
    info.add_text(_SOURCE, key)
    with atomic_write(target) as partial:
        Image.fromarray(_convert(path, table)).save(partial, 'PNG', pnginfo=info, compress_level=1)


def _meaning(table: LabelTable) -> object:
    """What the converted file depends on besides the label map."""
    return (table.by_color, sorted(table.classes.items())) if table.in_indices else None


def _convert(path: Path, table: LabelTable) -> Labels:
    labels = read_labels(path, table.by_color)
    if not table.in_indices:
        return np.minimum(labels, MAX_BYTE).astype(np.uint8)
    indices = np.full(max(int(labels.max()), *table.classes) + 1, IGNORE_INDEX, np.uint8)
    indices[list(table.classes)] = list(table.classes.values())
    return indices[labels]


def _states(target: Path, key: str) -> bool:
    """Whether a file is there that was converted from what `key` says."""
    try:
        with Image.open(target) as image:
            return bool(image.info.get(_SOURCE) == key)
    except Exception:  # it is not there, or whatever it is, it is written anew
        return False
