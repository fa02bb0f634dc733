"""Images that are nearly alike: one photograph twice, resized or compressed anew, or neighbors in a video.

Two hashes of each image, of 64 bits each, say what it looks like: of its lowest frequencies, and of where it gets
brighter. Nearly alike are two images whose hashes both differ in few bits.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from ...errors import summarize_error
from ..checks.file_cache import inspect_files
from ..checks.image_memory import one_large_image, open_image
from ..checks.images import lenient_pil

MAX_BITS = 4  # of the first hash that may differ
MAX_OTHER_BITS = 8  # of the second one
_BANDS = MAX_BITS + 1  # two hashes that differ in at most MAX_BITS bits are equal in one of so many parts
_SIDE = 64  # pixels to which images are decoded at least; the hashes look at 32
_BLOCK = 1 << 20  # pairs that are compared at once
_MAX_IN_PART = 2000  # hashes with an equal part that are all compared with one another

Hashes = npt.NDArray[np.uint64]


def hash_images(paths: Sequence[str]) -> Hashes:
    """Hash images; what has not changed since is read from a cache.

    JPEG files are decoded at an eighth of their size, or a quarter or a half: as small as the hash allows.

    Args:
        paths: Absolute paths of images that can be read.

    Returns:
        The two hashes of each image, of shape ``(N, 2)``.

    Raises:
        UserError: A file has vanished since it was read.
    """
    if not paths:
        return np.empty((0, 2), np.uint64)
    absolute = [os.path.abspath(path) for path in paths]
    root = Path(os.path.commonpath([os.path.dirname(path) for path in absolute]))
    names = [os.path.relpath(path, root) for path in absolute]
    with lenient_pil():
        halves = inspect_files(root, root, names, str(root), 'fingerprint', _hash)
    # The cache holds integers of 32 bits: other programs read larger ones of JSON as floats. What cannot be read any
    # more is like nothing else.
    draw = np.random.default_rng(0)
    found = np.array([values or draw.integers(0, 1 << 32, 4) for values in halves], np.uint64)
    return np.asarray(found[:, ::2] << np.uint64(32) | found[:, 1::2])


def group_similar(hashes: Hashes) -> list[list[int]]:
    """Group images that are nearly alike, directly or by way of others; those like no other are left out.

    Hashes are compared with those that are equal in one of five parts, so that time grows with the number of images
    much less than quadratically.

    Args:
        hashes: Of shape ``(N, 2)``, see :func:`hash_images`.

    Returns:
        Indices of the images of each group, rising; the group of the first image first.
    """
    distinct, which = np.unique(hashes, axis=0, return_inverse=True)
    which = which.reshape(-1)
    parents = list(range(len(distinct)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for one, other in _similar_pairs(distinct):
        parents[max(root(one), root(other))] = min(root(one), root(other))
    groups = defaultdict[int, list[int]](list)
    for image, index in enumerate(which.tolist()):
        groups[root(index)].append(image)
    return sorted(group for group in groups.values() if len(group) > 1)


def _similar_pairs(hashes: Hashes) -> Iterable[tuple[int, int]]:
    """Indices of the pairs of hashes that differ in few bits; a pair may come more than once."""
    edges = np.linspace(0, 64, _BANDS + 1).astype(np.uint64)
    for low, high in pairwise(edges):
        part = (hashes[:, 0] >> low) & ((np.uint64(1) << (high - low)) - np.uint64(1))
        order = np.argsort(part, kind='stable')
        starts = np.flatnonzero(np.diff(part[order], prepend=np.uint64(0))) if len(order) else order
        for group in np.split(order, starts[starts > 0]):
            yield from _compare(hashes, group)


def _compare(hashes: Hashes, group: npt.NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    """Pairs among hashes that have an equal part; in a very large group, with the neighbors in order of the hash."""
    if len(group) < 2:
        return
    if len(group) > _MAX_IN_PART:
        group = group[np.argsort(hashes[group, 0], kind='stable')]
    rows = max(1, _BLOCK // min(len(group), _MAX_IN_PART))
    for start in range(0, len(group), rows):
        here = group[start : start + rows]
        others = group[start : start + rows + _MAX_IN_PART]
        first = _differing_bits(hashes[here, None, 0], hashes[None, others, 0]) <= MAX_BITS
        places = np.argwhere(np.triu(first, 1))
        one, other = here[places[:, 0]], others[places[:, 1]]
        near = _differing_bits(hashes[one, 1], hashes[other, 1]) <= MAX_OTHER_BITS
        yield from zip(one[near].tolist(), other[near].tolist(), strict=True)


def _differing_bits(one: Hashes, other: Hashes) -> npt.NDArray[np.integer]:
    """Number of bits in which hashes differ."""
    bits = one ^ other
    if hasattr(np, 'bitwise_count'):  # of NumPy 2
        return np.asarray(np.bitwise_count(bits))
    for shift, mask in ((1, 0x5555555555555555), (2, 0x3333333333333333), (4, 0x0F0F0F0F0F0F0F0F)):
        bits = (bits & np.uint64(mask)) + (bits >> np.uint64(shift) & np.uint64(mask))
    return np.asarray(bits * np.uint64(0x0101010101010101) >> np.uint64(56), np.int64)


def _hash(path: str) -> tuple[int, ...] | str:
    import imagehash  # brings SciPy, which takes a second

    try:
        upright = _read_small(path)
        found = [imagehash.phash(upright), imagehash.dhash(upright)]
    except Exception as error:  # a decoder may raise anything
        return summarize_error(error)
    values = [int(str(value), 16) for value in found]
    return tuple(half for value in values for half in (value >> 32, value & 0xFFFFFFFF))


def _read_small(path: str) -> Image.Image:
    """An image in gray, upright, and no larger than it has to be if it is a JPEG file."""
    try:
        with open_image(path) as image, one_large_image(image.width * image.height):
            image.draft('RGB', (_SIDE, _SIDE))
            return ImageOps.exif_transpose(image).convert('L')
    except UnidentifiedImageError:  # OpenCV, which training reads images with, knows other formats
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise
        return Image.fromarray(pixels)
