"""Label maps, the masks of semantic segmentation: PNG files with one label per pixel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import summarize_error
from .file_cache import inspect_files
from .images import ORIENTATION

Labels = np.ndarray[Any, Any]

IGNORE_INDEX = 255  # label that MMSegmentation's losses and metrics ignore
MAX_LABEL = 65535  # of 16 bits
MAX_COUNTED_LABELS = 257  # different labels of one map that are counted: one more than 8 bits can hold
# Modes that MMSegmentation reads as they are, of palettes the indices. All others are converted to 8 bits: 16 bits
# would be cut to 8, several channels are not accepted, and PIL stretches gray levels of 2 and 4 bits to 0..255.
AS_STORED = {'L', 'P', '1'}
SIXTEEN_BITS = {'I;16', 'I;16B', 'I'}
STRETCHED = {'L;2': 85, 'L;4': 17}  # PIL's raw mode: factor


@dataclass(frozen=True)
class LabelMap:
    """What is known of a label map before training.

    Attributes:
        size: Width and height in pixels.
        as_stored: Whether MMSegmentation reads the labels of the file as they are.
        pixels: Number of pixels of each label that occurs, in rising order of labels.
    """

    size: tuple[int, int]
    as_stored: bool
    pixels: dict[int, int]


@dataclass(frozen=True)
class Pair:
    """An image and its label map.

    Attributes:
        image: Absolute path of the image.
        label_path: Absolute path of the label map.
        label: Content of the label map.
        orientation: EXIF orientation by which training turns the image, but not the label map.
    """

    image: Path
    label_path: Path
    label: LabelMap
    orientation: int


def read_label_maps(root: Path, folder: Path, names: Sequence[str], source: str) -> list[LabelMap]:
    """Verify label maps by decoding them, and count their labels.

    Args:
        root: Folder of the data set, which no name may leave.
        folder: Folder that the names are relative to.
        names: Names of the label maps.
        source: What lists the files, for messages.

    Raises:
        UserError: See :func:`~mmbackbones.datasets.checks.file_cache.inspect_files`.
    """
    found = inspect_files(root, folder, names, source, 'mask', _inspect)
    return [
        LabelMap((width, height), bool(as_stored), dict(zip(counts[::2], counts[1::2], strict=True)))
        for width, height, as_stored, *counts in found
    ]


def count_pixels(maps: Iterable[LabelMap]) -> dict[int, int]:
    """Number of pixels of each label in all of `maps`, in rising order of labels."""
    total: dict[int, int] = {}
    for found in maps:
        for label, count in found.pixels.items():
            total[label] = total.get(label, 0) + count
    return dict(sorted(total.items()))


def write_8_bit(path: Path, target: Path, ignore_label: int | None) -> None:
    """Convert a label map to 8 bits, so that MMSegmentation reads its labels.

    Args:
        path: Label map whose labels are below 256, but for `ignore_label`.
        target: File to write.
        ignore_label: Label that becomes 255, which is ignored.
    """
    labels = read_labels(path)
    labels[labels == ignore_label] = IGNORE_INDEX
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels.astype(np.uint8)).save(target)


def read_labels(path: str | Path) -> Labels:
    """The labels of a valid label map, unsigned, of shape ``(H, W)``."""
    _, labels = _decode(path)
    return labels


def _inspect(path: str) -> tuple[int, ...] | str:
    try:
        as_stored, labels = _decode(path)
    except Exception as error:  # a decoder may raise anything, and whatever it is, the file is not valid
        return summarize_error(error)
    counts = np.stack(np.unique(labels, return_counts=True), axis=1)[:MAX_COUNTED_LABELS]
    return (labels.shape[1], labels.shape[0], int(as_stored), *counts.ravel().tolist())


def _decode(path: str | Path) -> tuple[bool, Labels]:
    """Whether MMSegmentation reads the labels as they are, and the labels.

    Raises:
        ValueError: The file is not a label map.
    """
    with Image.open(path) as image:
        if image.format != 'PNG':  # JPEG, for one, would have changed the labels
            raise ValueError(
                f'it is a {image.format} file by its content, not a PNG file, which preserves labels exactly'
            )
        raw_mode = str(image.tile[0][3]) if image.tile else ''
        array, mode = np.array(image), image.mode
        if _is_turned(image):
            raise ValueError(
                'it has an EXIF orientation, but training reads the pixels of label maps as they are stored: '
                'store it upright'
            )
    if raw_mode.endswith(';16B') and mode not in SIXTEEN_BITS:
        raise ValueError('it has several channels of 16 bits, but must have one label per pixel')
    if raw_mode in STRETCHED:
        return False, array // STRETCHED[raw_mode]
    if mode in AS_STORED:
        return True, array.astype(np.uint8)
    if mode in SIXTEEN_BITS:
        return False, array.astype(np.uint16)
    colors = array[..., :1] if mode == 'LA' else array[..., :3]
    if (colors != colors[..., :1]).any():
        raise ValueError(
            'it is a color image, but must have one label per pixel: an 8-bit PNG in gray or with a palette'
        )
    return False, colors[..., 0]


def _is_turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(ORIENTATION) in range(2, 9)
    except Exception:  # garbage in EXIF, which training ignores
        return False
