"""From a user's folder of images and label maps to lists that MMSegmentation can train on."""

import json
import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..utils.files import reads_users_files, write_text
from ..utils.paths import absolute
from ..utils.text import counted
from .checks.annotations import NoAnnotationsError
from .checks.classes import check_same_classes
from .checks.label_conversion import convert_label_map, is_read_as_stored
from .checks.label_maps import Pair, count_pixels
from .checks.label_numbering import check_numbering_options
from .checks.label_orientation import check_orientation
from .checks.label_table import LabelRow, LabelTable
from .checks.label_values import check_classes_occur, check_label_255, describe_labels
from .formats import find_format
from .formats.base import LabelNames, choose_splits
from .label_classes import describe_table, explicit_table, find_label_table
from .train_val_split import describe_train_val_split, train_val_split

_FIRST = {'ignore': 1, 'class': 0}  # --background -> label of the first name


@dataclass(frozen=True)
class SegmentationSplit:
    """A split that has been checked.

    Attributes:
        list_file: JSON, ``[[image, label map], ...]``; this and the paths in it are absolute.
        images: Number of images.
        thinnest: File, width and height of the image with the most extreme aspect ratio.
        pixels: Of each image, class index -> number of its pixels, 255 for those that are ignored.
    """

    list_file: Path
    images: int
    thinnest: tuple[str, int, int]
    pixels: tuple[dict[int, int], ...]


@dataclass(frozen=True)
class SegmentationData:
    """A data set with label maps that has been checked.

    Attributes:
        root: The folder, or the YAML file, an absolute path.
        format: Name of its format, such as ``ADE20K``.
        table: Which class each value in the label maps stands for.
        rows: The table with the share of the pixels of each value, in rising order of values.
        splits: The splits that were asked for, in the order ``train``, ``val``, ``test``.
        notes: What the user should know, one line each: what was split, ignored, converted.
    """

    root: Path
    format: str
    table: LabelTable
    rows: tuple[LabelRow, ...]
    splits: dict[str, SegmentationSplit]
    notes: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; the index is what the model predicts."""
        return self.table.names

    @property
    def summary(self) -> str:
        """What was found, on one line."""
        counts = ', '.join(f'{name} {counted(split.images, "image")}' for name, split in self.splits.items())
        return f'{self.root}: {self.format}, {counted(len(self.classes), "class", "classes")}; {counts}'


@reads_users_files
def load_segmentation(
    root: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
    trained: Collection[str] = (),
) -> SegmentationData:
    """Recognize the format of a data set with label maps, check it, and list its images with their label maps.

    Lists, and label maps that MMSegmentation would misread, are written to `out_dir`; nothing in `root` is changed.

    Args:
        root: The data folder, or a YAML file that names the files of each split.
        out_dir: Folder for lists and converted label maps.
        classes: The class names in the order of the model's labels, such as a checkpoint's. Default: the folder's.
        splits: Check and return these only, of `train`, `val` and `test`. Default: all. A missing `val` is split from
            `train`.
        background: `class` if what no object covers, label 0, is a class of its own, the first; `ignore` if it is
            ignored. Default: as the format says, or else as the labels do.
        ignore_label: Pixels of this label are ignored, as those of 255 are unless they are a class.
        trained: Which of `background` and `ignore_label` are not the user's, but those of the checkpoint that has the
            `classes`; they are left out where they mean nothing.

    Raises:
        UserError: The folder is in no known format, lacks the splits, has other classes than asked for, leaves open how
            its labels are numbered, or has a defect that cannot be repaired.
    """
    check_numbering_options(background, ignore_label)
    root, out_dir = absolute(root), absolute(out_dir)
    found = find_format(root, 'label maps', objects=True)
    notes = list(found.notes)
    names = found.read_label_names()
    if 'ignore_label' in trained and names.by_color:
        ignore_label = None
    background = _merge_background(background, names, classes, 'background' in trained)
    if classes is not None and (known := _known_classes(names, background)):
        check_same_classes(known, classes, str(names.file), 'the classes of the model')

    divided = 'val' not in found.splits
    wanted = choose_splits(found, root, splits)
    pairs = {}
    for split in dict.fromkeys('train' if divided and split == 'val' else split for split in wanted):
        try:
            images = found.read(split, out_dir)
        except NoAnnotationsError as error:
            if split != 'test' or splits is not None:  # an explicit request for it is not answered with others
                raise
            wanted.remove(split)
            notes.append(f'the test split is left out: {error}')
            continue
        pairs[split] = images.pairs
        notes += images.notes
    read = [pair for split_pairs in pairs.values() for pair in split_pairs]
    maps = {pair.label_path: pair.label for pair in read}
    pixels = count_pixels(maps.values())
    table = find_label_table(names, maps, background, ignore_label, classes, root)
    check_same_classes(table.names, classes or table.names, str(names.file), 'the classes of the model')
    for split_pairs in pairs.values():
        check_classes_occur({pair.label_path: pair.label for pair in split_pairs}, table, names.file)
    notes += check_orientation(read)
    if 'train' in pairs:
        if names.values is None:  # otherwise the format says what 255 is
            check_label_255(pixels, table, root)
        notes += describe_table(table, names, root) + describe_labels(
            list(maps.values()), table, names.values is not None, _names_of_ignored(names, table)
        )
        if divided:
            pairs |= _divide(pairs['train'], table)
            sizes = {split: len(pairs[split]) for split in ('train', 'val')}
            notes.append(describe_train_val_split(found.splits['train'], sizes))
    if not all(pairs.values()):
        raise UserError(f'{root} has too few images to split validation images from')
    if classes is not None:
        table = table.reorder(classes)

    done = {split: _write_split(split, pairs[split], root, out_dir, table) for split in wanted}
    notes += _describe_converted([pair for split in wanted for pair in pairs[split]], table, out_dir)
    return SegmentationData(root, found.name, table, table.rows(pixels), done, tuple(notes))


def _merge_background(asked: str | None, names: LabelNames, classes: Sequence[str] | None, trained: bool) -> str | None:
    """The user's `--background`, or else what the format or the classes of a model say.

    Raises:
        UserError: They contradict one another.
    """
    if trained and (names.values is not None or names.background is not None):
        asked = None
    if names.values is not None:
        if asked is None and classes is not None and names.background_name is not None:
            return 'class' if names.background_name in classes else 'ignore'
        return asked
    given = names.background if names.names is not None else None
    if given is not None and asked not in (None, given):
        raise UserError(
            f'{names.file} numbers its names from {_FIRST[given]}: label maps that are counted from '
            f'{_FIRST[asked]} (--background {asked}) need a classes.txt of their own'
        )
    return asked or given


def _names_of_ignored(names: LabelNames, table: LabelTable) -> dict[int, str]:
    """What is ignored although it has a name."""
    found = dict(names.ignored_names)
    if table.background == 'ignore' and names.background_name is not None:
        found[names.background_value] = names.background_name
    first = _FIRST.get(table.background or '', 0)
    classes = names.names or ()
    values = names.values or range(first, first + len(classes))
    return found | {value: name for value, name in zip(values, classes, strict=True) if value == table.ignore_label}


def _known_classes(names: LabelNames, background: str | None) -> tuple[str, ...] | None:
    """The classes as far as they are known before a label map is read."""
    if names.values is not None:
        return explicit_table(names, background, None).names
    return names.names if names.names and len(names.names) > 1 else None  # a single one has a background beside it


def _divide(pairs: list[Pair], table: LabelTable) -> dict[str, list[Pair]]:
    content = {str(pair.image): set(pair.label.pixels) - table.ignored for pair in pairs}
    parts = train_val_split(content, content)
    return {split: [pair for pair in pairs if str(pair.image) in part] for split, part in parts.items()}


def _write_split(split: str, pairs: list[Pair], root: Path, out_dir: Path, table: LabelTable) -> SegmentationSplit:
    with ThreadPoolExecutor() as pool:
        paths = pool.map(lambda pair: _convert(pair, root, out_dir, table), pairs)
        content = [[str(pair.image), str(path)] for pair, path in zip(pairs, paths, strict=True)]
    list_file = out_dir / f'{split}.json'
    write_text(list_file, json.dumps(content))
    thinnest = max(pairs, key=lambda pair: max(pair.label.size) / min(pair.label.size))
    pixels = tuple(_by_class(pair.label.pixels, table) for pair in pairs)
    return SegmentationSplit(list_file, len(content), (str(thinnest.image), *thinnest.label.size), pixels)


def _by_class(pixels: dict[int, int], table: LabelTable) -> dict[int, int]:
    counts: dict[int, int] = {}
    for value, number in pixels.items():
        index = table.index(value)
        counts[index] = counts.get(index, 0) + number
    return counts


def _convert(pair: Pair, root: Path, out_dir: Path, table: LabelTable) -> Path:
    """The label map in a form that MMSegmentation reads as it is; converted in `out_dir` if need be."""
    path = pair.label_path
    if is_read_as_stored(pair, table):
        return path
    inside = path.relative_to(root) if path.is_relative_to(root) else Path('elsewhere', *path.parts[1:])
    target = out_dir / (inside if inside.suffix.lower() == '.png' else inside.with_name(f'{inside.name}.png'))
    convert_label_map(path, target, table)
    return target


def _describe_converted(pairs: list[Pair], table: LabelTable, out_dir: Path) -> list[str]:
    if table.in_indices:
        what = 'in colors' if table.by_color else 'of more than 8 bits'
        return [f'label maps {what} are converted to the numbers of the classes, in {out_dir}: {len(pairs)}']
    number = sum(not is_read_as_stored(pair, table) for pair in pairs)
    note = f'label maps that are not stored as one byte per pixel are converted, in {out_dir}: {number}'
    return [note] if number else []
