"""From a user's folder of images and label maps to lists that MMSegmentation can train on."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..utils.files import write_text
from ..utils.paths import absolute
from ..utils.text import counted
from .checks.classes import check_same_classes
from .checks.label_maps import Pair, count_pixels, write_8_bit
from .checks.label_numbering import Numbering, check_numbering_options, infer_numbering
from .checks.label_orientation import check_orientation
from .checks.label_values import check_classes_occur, check_label_255, check_label_range, describe_labels
from .formats import find_format
from .formats.base import LabelNames, SegmentationFormat
from .train_val_split import describe_train_val_split, train_val_split

SPLITS = ('train', 'val', 'test')


@dataclass(frozen=True)
class SegmentationSplit:
    """A split that has been checked.

    Attributes:
        list_file: JSON, ``[[image, label map], ...]``; this and the paths in it are absolute.
        images: Number of images.
        thinnest: File, width and height of the image with the most extreme aspect ratio.
    """

    list_file: Path
    images: int
    thinnest: tuple[str, int, int]


@dataclass(frozen=True)
class SegmentationData:
    """A data set with label maps that has been checked.

    Attributes:
        root: The folder, or the YAML file, an absolute path.
        format: Name of its format, such as ``ADE20K``.
        classes: Names of the classes; the index is what the model predicts.
        label_map: For each class of the folder, its index in `classes`; None if the order is the same.
        splits: The splits that were asked for, in the order ``train``, ``val``, ``test``.
        notes: What the user should know, one line each: what was split, ignored, converted.
        background: ``ignore``: label 0 is ignored, and label 1 is the folder's first class; ``class``: label 0 is.
        ignore_label: Pixels of this label are ignored, as those of 255 always are.
    """

    root: Path
    format: str
    classes: tuple[str, ...]
    label_map: tuple[int, ...] | None
    splits: dict[str, SegmentationSplit]
    notes: tuple[str, ...]
    background: str
    ignore_label: int | None

    @property
    def summary(self) -> str:
        """What was found, on one line."""
        counts = ', '.join(f'{name} {counted(split.images, "image")}' for name, split in self.splits.items())
        return f'{self.root}: {self.format}, {counted(len(self.classes), "class", "classes")}; {counts}'


def load_segmentation(
    root: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
) -> SegmentationData:
    """Recognize the format of a data set with label maps, check it, and list its images with their label maps.

    Lists, and label maps that MMSegmentation would misread, are written to `out_dir`; nothing in `root` is changed.

    Args:
        root: The data folder, or a YAML file that names the files of each split.
        out_dir: Folder for lists and converted label maps.
        classes: The class names in the order of the model's labels, such as a checkpoint's. Default: the folder's.
        splits: Check and return these only, of `train`, `val` and `test`. Default: all. A missing `val` is split from
            `train`.
        background: `ignore` if label 0 is ignored and label n is class n, `class` if label 0 is class 1. Default: as
            the format says, or else as the labels do.
        ignore_label: Pixels of this label are ignored, as those of 255 always are.

    Raises:
        UserError: The folder is in no known format, lacks the splits, has other classes than asked for, leaves open how
            its labels are numbered, or has a defect that cannot be repaired.
    """
    check_numbering_options(background, ignore_label)
    root, out_dir = absolute(root), absolute(out_dir)
    found = find_format(root, 'label maps', objects=True)
    notes = list(found.notes)
    class_names = found.read_label_names()
    names = class_names.names or ()
    check_same_classes(names, classes or names, str(class_names.file), 'the classes of the model')
    background = _merge_background(background, class_names)

    divided = 'val' not in found.splits
    wanted = [
        split
        for split in SPLITS
        if (split in found.splits or (split == 'val' and divided)) and (splits is None or split in splits)
    ]
    pairs = {}
    for split in dict.fromkeys('train' if divided and split == 'val' else split for split in wanted):
        pairs[split] = _read_split(found, split, class_names, background, ignore_label, out_dir, notes)
    read = [pair for split_pairs in pairs.values() for pair in split_pairs]
    maps = [pair.label for pair in read]
    pixels = count_pixels(maps)
    notes += check_orientation(read)
    numbering = infer_numbering(pixels, names, background, ignore_label, class_names.file, root)
    if 'train' in pairs:
        check_label_255(pixels, names, numbering, root)
        notes += describe_labels(maps, names, numbering)
        if divided:
            pairs |= _divide(pairs['train'], numbering)
            sizes = {split: len(pairs[split]) for split in ('train', 'val')}
            notes.append(describe_train_val_split(found.splits['train'], sizes))
    if not all(pairs.values()):
        raise UserError(f'{root} has too few images to split validation images from')

    done = {split: _write_split(split, pairs[split], root, out_dir, ignore_label) for split in wanted}
    if converted := sum(not pair.label.as_stored for split in wanted for pair in pairs[split]):
        notes.append(f'label maps that are not stored as one byte per pixel are converted, in {out_dir}: {converted}')
    order = tuple(classes or names)
    label_map = None if order == names else tuple(order.index(name) for name in names)
    return SegmentationData(root, found.name, order, label_map, done, tuple(notes), numbering.background, ignore_label)


def _merge_background(asked: str | None, class_names: LabelNames) -> str | None:
    """The user's `--background`, or else what the file of class names says.

    Raises:
        UserError: They contradict one another.
    """
    given = class_names.background
    if given is not None and asked not in (None, given):
        raise UserError(
            f'{class_names.file} numbers its names from {Numbering(given).first}: label maps that are counted from '
            f'{Numbering(asked).first} (--background {asked}) need a classes.txt of their own'
        )
    return asked or given


def _read_split(
    found: SegmentationFormat,
    split: str,
    class_names: LabelNames,
    background: str | None,
    ignore_label: int | None,
    out_dir: Path,
    notes: list[str],
) -> list[Pair]:
    images = found.read(split, out_dir)
    notes += images.notes
    maps = {pair.label_path: pair.label for pair in images.pairs}
    check_label_range(maps, class_names.names or (), background, ignore_label, class_names.file)
    check_classes_occur(maps, Numbering(background or 'ignore', ignore_label), class_names.file)
    return images.pairs


def _divide(pairs: list[Pair], numbering: Numbering) -> dict[str, list[Pair]]:
    content = {str(pair.image): set(pair.label.pixels) - numbering.ignored for pair in pairs}
    parts = train_val_split(content, content)
    return {split: [pair for pair in pairs if str(pair.image) in part] for split, part in parts.items()}


def _write_split(
    split: str, pairs: list[Pair], root: Path, out_dir: Path, ignore_label: int | None
) -> SegmentationSplit:
    content = [[str(pair.image), str(_convert(pair, root, out_dir, ignore_label))] for pair in pairs]
    list_file = out_dir / f'{split}.json'
    write_text(list_file, json.dumps(content))
    thinnest = max(pairs, key=lambda pair: max(pair.label.size) / min(pair.label.size))
    return SegmentationSplit(list_file, len(content), (str(thinnest.image), *thinnest.label.size))


def _convert(pair: Pair, root: Path, out_dir: Path, ignore_label: int | None) -> Path:
    """The label map in a form that MMSegmentation reads as it is; converted in `out_dir` if need be."""
    if pair.label.as_stored:
        return pair.label_path
    inside = pair.label_path.is_relative_to(root)
    target = out_dir / (pair.label_path.relative_to(root) if inside else Path(*pair.label_path.parts[1:]))
    write_8_bit(pair.label_path, target, ignore_label)
    return target
