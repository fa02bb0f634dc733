"""What the reader of a layout hands over: which splits there are, and how to read each into COCO form."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..checks.images import ImageInfo

T = TypeVar('T')


@dataclass(frozen=True)
class Annotations:
    """COCO form, its three lists present and full of objects, nothing else checked yet."""

    data: dict
    image_dir: Path
    file: Path | None = None  # the file that already holds exactly `data`: it can be used in place
    images: list[ImageInfo] | None = None  # of each image, where the reader had to decode them
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    name: str  # what errors and notes call it: a path below the data folder
    splits: tuple[str, ...]  # one split, or ('train', 'val'): to be divided 80/20
    read: Callable[[], Annotations]


@dataclass(frozen=True)
class Layout:
    name: str
    sources: list[Source]
    common_classes: bool = False  # one class list serves all splits, so they cannot differ
    notes: tuple[str, ...] = ()


def plan(found: dict[str, T]) -> list[tuple[tuple[str, ...], T]]:
    """The splits that each of `found` (split name -> anything) serves: a `train` without a `val` serves both."""
    alone = 'train' in found and 'val' not in found
    return [(('train', 'val') if alone and split == 'train' else (split,), item) for split, item in found.items()]
