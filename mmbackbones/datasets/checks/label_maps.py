"""Label maps, the masks of semantic segmentation: one label a pixel, in a PNG."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from .file_cache import inspect_files, reason
from .images import ORIENTATION

IGNORE_INDEX = 255  # what mmseg's losses and metrics leave out
MAX_LABEL = 65535  # label: 16 bits
MAX_COUNTED_LABELS = 257  # labels of one map that are remembered: one more than bytes can hold
# What mmseg reads as it is: the indices of a palette, too. Everything else is stored anew, as bytes: 16 bits would be
# cut to 8, of several channels it wants one, and PIL stretches grey levels of 2 and 4 bits to 0..255.
AS_STORED = {'L', 'P', '1'}
SIXTEEN_BITS = {'I;16', 'I;16B', 'I'}
STRETCHED = {'L;2': 85, 'L;4': 17}  # PIL's raw mode: factor


@dataclass(frozen=True)
class LabelMap:
    size: tuple[int, int]  # width, height
    as_stored: bool  # whether mmseg reads the file's labels as they are
    pixels: dict[int, int]  # label -> number of its pixels, in rising order of labels


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
    """Read the label maps `names` of `folder`; arguments and errors are those of :func:`.file_cache.inspect_files`."""
    found = inspect_files(root, folder, names, source, 'mask', _inspect)
    return [
        LabelMap((width, height), bool(as_stored), dict(zip(counts[::2], counts[1::2], strict=True)))
        for width, height, as_stored, *counts in found
    ]


def count_pixels(maps: Iterable[LabelMap]) -> dict[int, int]:
    """Pixels of each label in all of `maps`, in rising order of labels."""
    total = {}
    for found in maps:
        for label, count in found.pixels.items():
            total[label] = total.get(label, 0) + count
    return dict(sorted(total.items()))


def write_8_bit(path: Path, target: Path, ignore_label: int | None) -> None:
    """Store a label map so that mmseg reads its labels, all below 256 but for `ignore_label`, which becomes 255."""
    labels = read_labels(path)
    labels[labels == ignore_label] = IGNORE_INDEX
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels.astype(np.uint8)).save(target)


def read_labels(path: str | Path) -> np.ndarray:
    """The labels of a sound label map: unsigned, [height, width]."""
    _, labels = _decode(path)
    return labels


def _inspect(path: str) -> tuple[int, ...] | str:
    try:
        as_stored, labels = _decode(path)
    except Exception as error:  # a decoder may fail with anything, and whatever it is, the file is not sound
        return reason(error)
    pairs = np.stack(np.unique(labels, return_counts=True), axis=1)[:MAX_COUNTED_LABELS]
    return (labels.shape[1], labels.shape[0], int(as_stored), *pairs.ravel().tolist())


def _decode(path: str | Path) -> tuple[bool, np.ndarray]:
    """Whether mmseg reads the labels as they are, and the labels. Raises ValueError for what is no label map."""
    with Image.open(path) as image:
        if image.format != 'PNG':  # JPEG, for one, would have changed the labels
            raise ValueError(
                f'it is a {image.format} file by its content, and not a PNG, which keeps labels as they are'
            )
        raw_mode = image.tile[0][3] if image.tile else ''
        array, mode = np.array(image), image.mode
        if _is_turned(image):
            raise ValueError(
                'its EXIF orientation says that it is to be turned, but training reads the pixels of '
                'label maps as they are stored: store it upright'
            )
    if raw_mode.endswith(';16B') and mode not in SIXTEEN_BITS:
        raise ValueError('it has several channels of 16 bits, where one label a pixel is wanted')
    if raw_mode in STRETCHED:
        return False, array // STRETCHED[raw_mode]
    if mode in AS_STORED:
        return True, array.astype(np.uint8)
    if mode in SIXTEEN_BITS:
        return False, array.astype(np.uint16)
    colors = array[..., :1] if mode == 'LA' else array[..., :3]
    if (colors != colors[..., :1]).any():
        raise ValueError(
            'it is a coloured picture, where one label a pixel is wanted: an 8-bit PNG, grey or with a palette'
        )
    return False, colors[..., 0]


def _is_turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(ORIENTATION) in range(2, 9)
    except Exception:  # garbage in EXIF, which training does not look at
        return False
