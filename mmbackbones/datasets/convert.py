"""From data that has been read to the folders that most tools read: plain COCO, and ADE20K's layout for label maps."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import UserError
from ..utils.paths import shown_path
from ..utils.progress import track
from ..utils.text import counted
from .checks.images import SUFFIXES
from .checks.label_maps import Labels, read_labels
from .checks.repair import normalize_coco, repair_annotations, set_categories
from .detection_data import DetectionData, DetectionSplit
from .segmentation import SegmentationData

FOLDERS = {'train': 'training', 'val': 'validation', 'test': 'test'}  # ADE20K's names
_UNSAFE = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')  # in names on some systems


def write_coco(data: DetectionData, folder: Path, out: Path) -> str:
    """Write boxes and masks as plain COCO: ``annotations/{train,val,test}.json`` and ``images/{train,val,test}/``.

    Args:
        data: What was read.
        folder: An empty folder, or one in which :func:`write_ade20k` wrote.
        out: Where the folder is going to be, for messages.

    Returns:
        What was written, in a sentence.

    Raises:
        UserError: `out` is among the images.
        OSError: A file cannot be written.
    """
    ways = Counter[str]()
    for split, part in data.splits.items():
        _refuse_among(out, [part.image_dir])
        content = _repaired(part, data.classes)
        names = _Names(folder / 'images' / split)
        for image in track(content['images'], len(content['images']), f'Writing the images of {split}'):
            image['file_name'] = names.link(part.image_dir / image['file_name'], image['file_name'])
        ways += names.ways
        target = folder / 'annotations' / f'{split}.json'
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({'info': {}} | content))
    counts = (
        f'{name} {counted(split.images, "image")} and {counted(split.boxes, "box", "boxes")}'
        for name, split in data.splits.items()
    )
    return f'written to {shown_path(out)}: plain COCO, {", ".join(counts)}; {_describe(ways)}'


def write_ade20k(data: SegmentationData, folder: Path, out: Path) -> str:
    """Write label maps in ADE20K's layout: label n is line n of ``classes.txt``, and 0 is ignored.

    Args:
        data: What was read.
        folder: An empty folder, or one in which :func:`write_coco` wrote.
        out: Where the folder is going to be, for messages.

    Returns:
        What was written, in a sentence.

    Raises:
        UserError: `out` is among the images or label maps.
        OSError: A file cannot be written.
    """
    ways, table = Counter[str](), _new_labels(data)
    for split, part in data.splits.items():
        pairs = [(Path(image), Path(label_map)) for image, label_map in json.loads(part.list_file.read_bytes())]
        root = Path(os.path.commonpath([image.parent for image, _ in pairs]))
        _refuse_among(out, [root, *sorted({label_map.parent for _, label_map in pairs})])
        names = _Names(folder / 'images' / FOLDERS[split], by_stem=True)
        for image, label_map in track(pairs, len(pairs), f'Writing {split}'):
            name = names.link(image, str(image.relative_to(root)))
            target = folder / 'annotations' / FOLDERS[split] / Path(name).with_suffix('.png')
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(table[read_labels(label_map)]).save(target)
        ways += names.ways
    (folder / 'classes.txt').write_text('\n'.join(data.classes) + '\n', encoding='utf-8')
    counts = ', '.join(f'{FOLDERS[name]} {counted(split.images, "image")}' for name, split in data.splits.items())
    return (
        f"written to {shown_path(out)}: ADE20K's layout, {counts}; label n is line n of classes.txt, and 0 is ignored "
        f'(--background ignore); {_describe(ways)}'
    )


def _repaired(part: DetectionSplit, classes: Sequence[str]) -> dict[str, Any]:
    """The content of a COCO file, with the repairs that CocoDataset makes itself in a file that is used in place."""
    content: dict[str, Any] = json.loads(part.ann_file.read_bytes())
    normalize_coco(content, part.image_dir, str(part.ann_file), masks=True)
    repair_annotations(content, part.image_dir)
    set_categories(content, classes)
    return content


def _new_labels(data: SegmentationData) -> Labels:
    """For each of 256 values in the label maps that were read, the value in those that are written."""
    size = len(data.classes)
    indices = range(size) if data.table.in_indices else map(data.table.index, range(256))
    labels = np.zeros(256, np.uint8)
    for value, index in enumerate(indices):
        labels[value] = index + 1 if index < size else 0
    return labels


def _refuse_among(out: Path, folders: Sequence[Path]) -> None:
    real = Path(os.path.realpath(out))
    for folder in folders:
        if real.is_relative_to(os.path.realpath(folder)):
            raise UserError(f'--convert: {out} is among the files of the data, in {folder}: name a folder elsewhere')


def _describe(ways: Counter[str]) -> str:
    return ' and '.join(f'{counted(number, "image")} {way}' for way, number in sorted(ways.items()))


class _Names:
    """Images that are linked, or else copied, into a folder under safe names, no two of them the same in any case.

    Args:
        folder: The folder.
        by_stem: Whether the names have to differ without their suffixes, too.
    """

    def __init__(self, folder: Path, by_stem: bool = False) -> None:
        self.ways = Counter[str]()
        self._folder, self._by_stem = folder, by_stem
        self._names: dict[Path, str] = {}
        self._taken: set[str] = set()

    def link(self, source: Path, wanted: str) -> str:
        """Put an image into the folder.

        Args:
            source: The image.
            wanted: Its name, with subfolders; it may be of any form.

        Returns:
            Its name in the folder, the same for the same image.
        """
        if source not in self._names:
            self._names[source] = name = self._choose(_safe(wanted, source))
            target = self._folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(os.path.realpath(source), target)
                self.ways['hard-linked'] += 1
            except OSError:  # another file system, one without links, or another user's file
                shutil.copyfile(source, target)
                self.ways['copied'] += 1
        return self._names[source]

    def _choose(self, name: str) -> str:
        stem, suffix = os.path.splitext(name)
        number, chosen = 1, name
        while (key := os.path.splitext(chosen)[0] if self._by_stem else chosen).lower() in self._taken:
            number += 1
            chosen = f'{stem}_{number}{suffix}'
        self._taken.add(key.lower())
        return chosen


def _safe(name: str, source: Path) -> str:
    """A relative path with slashes that every system can have, and whose file is listed as an image."""
    parts = os.path.normpath(name).replace(os.sep, '/').split('/')
    parts = [_UNSAFE.sub('_', part.encode(errors='replace').decode()) for part in parts if part not in ('', '.', '..')]
    parts = [f'_{part}' if part.startswith('.') else part for part in parts]  # hidden files are no images
    if os.path.splitext(parts[-1])[1].lower() not in SUFFIXES:
        with Image.open(source) as image:
            parts[-1] += f'.{(image.format or "png").lower()}'
    return '/'.join(parts)
