"""A small data set in the format ADE20K, changes of it, and what was read from it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.detection_folders import write_image, write_text

CLASSES = ('road', 'car', 'tree')
SIZE = (12, 8)  # width, height
STEMS = {'training': ('a1', 'a2', 'a3', 'a4'), 'validation': ('b1', 'b2')}
LABELS = (np.arange(SIZE[0] * SIZE[1]) % 4).astype(np.uint8).reshape(SIZE[::-1])  # 0 to 3 in every label map


def write_labels(path: Path, labels: np.ndarray = LABELS, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels).save(path, **options)


def ade(root: Path) -> None:
    for folder, stems in STEMS.items():
        for stem in stems:
            write_image(root / f'images/{folder}/{stem}.jpg', SIZE)
            write_labels(root / f'annotations/{folder}/{stem}.png')
    write_text(root / 'classes.txt', '\n'.join(CLASSES) + '\n')


# What writes the data set in a format -> the name of the format.
FORMATS = {ade: 'ADE20K'}


def name_classes(content: bytes | str) -> Callable[[Path], object]:
    return lambda root: (root / 'classes.txt').write_bytes(content if type(content) is bytes else content.encode())


def listed(data, split: str) -> list[tuple[str, str]]:
    """The pairs of a split, whose files all exist."""
    pairs = json.loads(data.splits[split].list_file.read_text())
    assert len(pairs) == data.splits[split].images
    assert all(Path(path).is_absolute() and Path(path).is_file() for pair in pairs for path in pair)
    return [tuple(pair) for pair in pairs]


def stems(data, split: str) -> list[str]:
    return [Path(image).stem for image, _ in listed(data, split)]
