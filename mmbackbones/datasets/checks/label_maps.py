"""Label maps, the masks of semantic segmentation: images with one label, or one color, per pixel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import summarize_error
from .file_cache import inspect_files
from .image_memory import one_large_image, open_image
from .images import ORIENTATION

Labels = np.ndarray[Any, Any]

IGNORE_INDEX = 255  # label that MMSegmentation's losses and metrics ignore
MAX_BYTE = 255
MAX_LABEL = 65535  # of 16 bits
MAX_COUNTED_LABELS = 1024  # different labels of one map; more are no classes
SUFFIXES = {'.bmp', '.gif', '.png', '.tif', '.tiff'}  # of files that preserve labels exactly
# Modes that MMSegmentation reads as they are, of palettes the indices. All others are converted to 8 bits: 16 bits
# would be cut to 8, several channels are not accepted, and PIL stretches gray levels of 2 and 4 bits to 0..255.
AS_STORED = {'L', 'P', '1'}
SIXTEEN_BITS = {'I;16', 'I;16B', 'I'}
STRETCHED = {'L;2': 85, 'L;4': 17}  # PIL's raw mode: factor
COLORED = {'1', 'L', 'LA', 'P', 'PA', 'RGB', 'RGBA'}  # modes that have colors of 8 bits
_BLACK, _WHITE = [0] * 3, [255] * 3
_LOSSLESS = {'BMP', 'GIF', 'PNG', 'TIFF'}


@dataclass(frozen=True)
class LabelMap:
    """What is known of a label map before training.

    One that cannot be read has no size; see :func:`~mmbackbones.datasets.checks.findings.collecting_findings`.

    Attributes:
        size: Width and height in pixels.
        as_stored: Whether MMSegmentation reads the labels of the file as they are.
        pixels: Number of pixels of each label that occurs, in rising order of labels.
        by_color: Whether its labels are colors, 0xRRGGBB.
    """

    size: tuple[int, int]
    as_stored: bool
    pixels: dict[int, int]
    by_color: bool = False


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


def read_label_maps(
    root: Path, folder: Path, names: Sequence[str], source: str, by_color: bool = False
) -> list[LabelMap]:
    """Verify label maps by decoding them, and count their labels.

    Args:
        root: Folder of the data set, which no name may leave.
        folder: Folder that the names are relative to.
        names: Names of the label maps.
        source: What lists the files, for messages.
        by_color: Whether a label is the color of a pixel, 0xRRGGBB; of an image with a palette, its color there.

    Raises:
        UserError: See :func:`~mmbackbones.datasets.checks.file_cache.inspect_files`.
    """
    kind = 'color mask' if by_color else 'mask'
    found = inspect_files(root, folder, names, source, kind, partial(_inspect, by_color=by_color))
    return [
        LabelMap((width, height), bool(as_stored), dict(zip(counts[::2], counts[1::2], strict=True)), by_color)
        for width, height, as_stored, *counts in (values or (0, 0, 0) for values in found)
    ]


def count_pixels(maps: Iterable[LabelMap]) -> dict[int, int]:
    """Number of pixels of each label in all of `maps`, in rising order of labels."""
    total: dict[int, int] = {}
    for found in maps:
        for label, count in found.pixels.items():
            total[label] = total.get(label, 0) + count
    return dict(sorted(total.items()))


def read_labels(path: str | Path, by_color: bool = False) -> Labels:
    """The labels of a valid label map, unsigned, of shape ``(H, W)``."""
    _, labels = _decode(path, by_color)
    return labels


def _inspect(path: str, by_color: bool) -> tuple[int, ...] | str:
    try:
        as_stored, labels = _decode(path, by_color)
    except Exception as error:  # a decoder may raise anything, and whatever it is, the file is not valid
        return summarize_error(error)
    counts = _count(labels)
    if len(counts) > MAX_COUNTED_LABELS:
        what = 'colors' if by_color else 'labels'
        return (
            f'it has {len(counts)} different {what} instead of one per class: outlines are antialiased, it was once '
            'compressed as a JPEG, or it is no label map'
        )
    return (labels.shape[1], labels.shape[0], int(as_stored), *counts.ravel().tolist())


def _count(labels: Labels) -> Labels:
    """The labels that occur and their numbers of pixels, ``(N, 2)``."""
    if labels.dtype == np.uint8:  # many times as fast
        numbers = np.bincount(labels.ravel())
        return np.stack([numbers.nonzero()[0], numbers[numbers > 0]], axis=1)
    # Neighbors are mostly the same, and sorting is slow: of each run of one label, the first is counted by its length.
    flat = labels.ravel()
    starts = np.concatenate([[0], 1 + (flat[1:] != flat[:-1]).nonzero()[0]])
    found, places = np.unique(flat[starts], return_inverse=True)
    numbers = np.bincount(places, np.diff(starts, append=flat.size)).astype(np.int64)
    return np.stack([found, numbers], axis=1)


def _decode(path: str | Path, by_color: bool) -> tuple[bool, Labels]:
    """Whether MMSegmentation reads the labels as they are, and the labels.

    Raises:
        ValueError: The file is not a label map.
    """
    with open_image(path) as image, one_large_image(image.width * image.height):
        _check_file(image)
        raw_mode = str(_storage(image)[0])
        if by_color and (image.mode not in COLORED or raw_mode.endswith(';16B')):
            raise ValueError(f'its pixels are no colors of 8 bits per channel, but of the kind {image.mode}')
        if by_color:
            image.load()
            image.info.pop('transparency', None)  # PIL would warn
        if image.mode in ('LA', 'RGBA'):
            _check_not_in_alpha(np.array(image))
        gray = image.mode == 'P' and palette_is_gray(image)
        shown = image.convert('RGB') if by_color else image.convert('L') if gray else image
        array, mode = np.array(shown), shown.mode
        if _is_turned(image):
            raise ValueError(
                'it has an EXIF orientation, but training reads the pixels of label maps as they are stored: '
                'store it upright'
            )
    if by_color:
        red, green, blue = np.moveaxis(array.astype(np.uint32), 2, 0)
        return False, red << 16 | green << 8 | blue
    if gray:
        return False, array
    if raw_mode.endswith(';16B') and mode not in SIXTEEN_BITS:
        raise ValueError('it has several channels of 16 bits, but must have one label per pixel')
    if raw_mode in STRETCHED:
        return False, array // STRETCHED[raw_mode]
    if mode in AS_STORED:
        return True, array.astype(np.uint8)
    if mode in SIXTEEN_BITS:
        if array.min() < 0 or array.max() > MAX_LABEL:
            raise ValueError(
                f'it has labels from {array.min()} to {array.max()}, but they must be from 0 to {MAX_LABEL}'
            )
        return False, array.astype(np.uint16)
    if array.ndim != 3:
        raise ValueError(f'its pixels are no labels, but of the kind {mode}: store whole numbers of 8 or 16 bits')
    colors = array[..., :1] if mode == 'LA' else array[..., :3]
    if (colors != colors[..., :1]).any():
        raise ValueError(
            'it is a color image, but must have one label per pixel: an 8-bit PNG in gray or with a palette'
        )
    return False, colors[..., 0]


def _storage(image: Image.Image) -> tuple[Any, ...]:
    """How PIL says that a file stores its pixels: first, the name of the form, such as ``L;4``."""
    tiles: Any = getattr(image, 'tile', None)
    options = tiles[0][3] if tiles else ''
    return options if isinstance(options, tuple) else (options,)


def palette_is_gray(image: Image.Image) -> bool:
    """Whether a palette only stores gray levels, at places that programs choose as they like.

    It does if it is black and white; white may come first. Those of GIF files, which know nothing but palettes, do if
    they are gray.
    """
    if image.format == 'GIF':
        colors = np.array(image.convert('RGB'))
        return bool((colors == colors[..., :1]).all())
    palette = np.reshape(image.getpalette() or [], (-1, 3)).tolist()
    return sorted(palette[:2]) == [_BLACK, _WHITE] and all(color == _BLACK for color in palette[2:])


def _check_file(image: Image.Image) -> None:
    """Check that a file preserves labels exactly.

    Raises:
        ValueError: It does not, or holds several label maps.
    """
    kind = 'JPEG' if 'jpeg' in str(image.info.get('compression')) else image.format
    if kind == 'JPEG':
        raise ValueError(
            'it is a JPEG file by its content, which has changed the labels near their outlines: export PNG files, or, '
            'if there are black and white only, convert them with: magick FILE.jpg -threshold 50% FILE.png'
        )
    if kind not in _LOSSLESS:
        raise ValueError(f'it is a {kind} file by its content, not a PNG file, which preserves labels exactly')
    if kind == 'BMP' and image.mode == '1' and _storage(image)[1] > (image.width + 31 >> 3 & ~3):
        raise ValueError(
            'PIL, which training reads label maps with, misreads BMP files of two gray levels: store a PNG'
        )
    if kind != 'PNG' and getattr(image, 'n_frames', 1) > 1:
        raise ValueError('it has several pages or frames, but must be a single label map')


def _check_not_in_alpha(pixels: Labels) -> None:
    """Check that the labels of an image with an alpha channel are not in that channel, which is not read.

    Raises:
        ValueError: They are: of its channels, no other one varies.
    """
    colors, alpha = pixels[..., :-1], pixels[..., -1]
    if (colors == colors[:1, :1]).all() and (alpha != alpha[:1, :1]).any():
        raise ValueError(
            'it is all of one color, and only its transparency varies, which is not read: store it without an alpha '
            'channel, such as with: magick FILE.png -alpha extract FILE.png'
        )


def _is_turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(ORIENTATION) in range(2, 9)
    except Exception:  # garbage in EXIF, which training ignores
        return False
