"""Label maps that are drawn from the masks of objects, and files of them."""

import hashlib
from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pycocotools import mask as coco_mask

from ....utils.atomic_write import atomic_write
from ....utils.progress import track
from ...checks.label_maps import IGNORE_INDEX, LabelMap, Labels

DRAWING_VERSION = 1  # raise it when the same objects are drawn in another way
_KEY, _PIXELS = 'mmbackbones-objects', 'mmbackbones-pixels'  # entries of PNG files


class Region(NamedTuple):
    """The mask of an object.

    Attributes:
        value: Its value in label maps; 255 for a crowd, which is ignored where no other object lies.
        mask: Polygons or run-length encoding (RLE), checked.
    """

    value: int
    mask: Any


@dataclass(frozen=True)
class Drawing:
    """What a label map is drawn from.

    Attributes:
        name: Name of its image.
        size: Width and height in pixels.
        regions: The masks of all objects.
    """

    name: str
    size: tuple[int, int]
    regions: list[Region]


def draw(drawing: Drawing) -> Labels:
    """Draw a label map of shape ``(H, W)``: 0 where nothing lies, and smaller objects on top of larger ones.

    The size of an object is the number of its pixels; of two of the same size the later one lies on top.
    """
    width, height = drawing.size
    labels: Labels = np.zeros((height, width), np.uint8)
    painted = [(region.value, *_rasterize(region.mask, width, height)) for region in drawing.regions]
    painted.sort(key=lambda item: (item[0] != IGNORE_INDEX, -np.count_nonzero(item[1])))  # stable
    for value, mask, left, top in painted:
        labels[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = value
    return labels


def write_drawn(folder: Path, drawings: Sequence[Drawing]) -> dict[str, tuple[Path, LabelMap]]:
    """Draw label maps into PNG files of 8 bits, except those that are there and were drawn from the same objects.

    Args:
        folder: Folder for the files, one for each image.
        drawings: What to draw, one for each image.

    Returns:
        Name of each image -> the file and its content.
    """
    pool = ThreadPoolExecutor()
    try:
        written = pool.map(lambda drawing: _write(folder, drawing), drawings)
        names = [drawing.name for drawing in drawings]
        return dict(zip(names, track(written, len(names), 'Drawing label maps'), strict=True))
    finally:  # an interrupted run stops at once and keeps what it has drawn
        pool.shutdown(cancel_futures=True)


def _rasterize(mask: Any, width: int, height: int) -> tuple[Labels, int, int]:
    """The part of a mask around its object, as booleans, and its left and top edges in the image."""
    if isinstance(mask, dict):
        rle = coco_mask.frPyObjects(mask, height, width) if isinstance(mask['counts'], list) else mask
        left, top, w, h = (int(value) for value in coco_mask.toBbox(rle))
        return coco_mask.decode(rle)[top : top + h, left : left + w].astype(bool), left, top
    xs, ys = ([value for polygon in mask for value in polygon[start::2]] for start in (0, 1))
    # Outlines are shifted by whole pixels, so that drawing a small object does not take the time of a whole image.
    left, top = (min(max(floor(min(values)) - 1, 0), side - 1) for values, side in ((xs, width), (ys, height)))
    w = max(min(ceil(max(xs)) + 2, width) - left, 1)
    h = max(min(ceil(max(ys)) + 2, height) - top, 1)
    shift = (left, top)
    shifted = [[value - shift[place % 2] for place, value in enumerate(polygon)] for polygon in mask]
    parts = coco_mask.frPyObjects(shifted, h, w)
    return coco_mask.decode(parts[0] if len(parts) == 1 else coco_mask.merge(parts)).astype(bool), left, top


def _write(folder: Path, drawing: Drawing) -> tuple[Path, LabelMap]:
    # The hash tells images of the same name in different folders apart; the name alone is for those who look.
    name = f'{Path(drawing.name).stem[:40]}-{_hash(drawing.name.encode(errors="surrogatepass"))[:12]}.png'
    file, key = folder / name, _key(drawing)
    pixels = _read_pixels(file, key)
    if pixels is None:
        labels = draw(drawing)
        values, counts = np.unique(labels, return_counts=True)
        pixels = dict(zip(values.tolist(), counts.tolist(), strict=True))
        info = PngInfo()
        info.add_text(_KEY, key)
        info.add_text(_PIXELS, ' '.join(f'{value}:{count}' for value, count in pixels.items()))
        with atomic_write(file) as partial:
            Image.fromarray(labels).save(partial, 'PNG', pnginfo=info, compress_level=1)
    return file, LabelMap(drawing.size, True, pixels)


def _key(drawing: Drawing) -> str:
    """A hash of all that a label map is drawn from."""
    parts = [repr((DRAWING_VERSION, drawing.size)).encode()]
    for value, mask in drawing.regions:
        if isinstance(mask, dict):
            parts.append(repr((value, mask['size'], mask['counts'])).encode())
        else:
            parts.append(repr((value, *map(len, mask))).encode())
            parts += [array('d', polygon).tobytes() for polygon in mask]
    return _hash(b'|'.join(parts))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _read_pixels(file: Path, key: str) -> dict[int, int] | None:
    """The number of pixels of each value, as stated in a file that was drawn from objects with this key."""
    try:
        with Image.open(file) as image:
            if image.info.get(_KEY) != key:
                return None
            pairs = [pair.split(':') for pair in image.info[_PIXELS].split()]
            return {int(value): int(count) for value, count in pairs}
    except Exception:  # it is not there, or whatever it is, it is drawn anew
        return None
