"""From a user's folder of images and label maps, in ADE20K's layout, to lists that MMSegmentation can train on."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..utils.files import absolute, write_text
from .checks.classes import compare_classes
from .checks.label_maps import Pair, count_pixels, write_as_bytes
from .checks.labels import check_range, check_some_class, check_void, describe_labels
from .checks.numbering import Numbering, check_options, settle_numbering
from .checks.orientation import check_turned
from .formats.ade20k import find_splits
from .formats.class_names import ADE20K, read_class_names
from .formats.pairs import read_pairs
from .train_val_split import describe_division, divide

SPLITS = ('train', 'val', 'test')


@dataclass(frozen=True)
class SegmentationSplit:
    list_file: Path  # JSON, absolute: [[image, label map], ...], absolute too
    images: int
    thinnest: tuple[str, int, int]  # file, width, height of the image of the most extreme proportions


@dataclass(frozen=True)
class SegmentationData:
    classes: tuple[str, ...]  # index = what the model is to say
    label_map: tuple[int, ...] | None  # index: position among the names in the folder; entry: index of `classes`
    splits: dict[str, SegmentationSplit]  # of 'train', 'val' and 'test', in this order
    notes: tuple[str, ...]  # to be shown, a line each: what was found, divided, converted
    background: str  # 'ignore': label 0 is ignored, label 1 is the first name; 'class': label 0 is the first name
    ignore_label: int | None  # pixels of this label are ignored, as those of 255 always are


def load_segmentation(
    root: str | os.PathLike,
    out_dir: str | os.PathLike,
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
) -> SegmentationData:
    """Pair the images and label maps in `root`, in ADE20K's layout, check them, and list them.

    The names of the labels are those in `classes.txt`, or else in ADE20K's `objectInfo150.txt`. Lists, and label maps
    that had to be stored anew, are written to `out_dir`; nothing in `root` is changed.

    Args:
        classes: the class names in the order of the model's labels, such as a checkpoint's. Default: the folder's.
        splits: check and return these only, of `train`, `val` and `test`. Default: all. A `val` that is not there is
            divided from `train`.
        background: `ignore` if label 0 is ignored and label n is the n-th name, `class` if label 0 is the first name.
            Default: as `objectInfo150.txt` says, or else as the labels do.
        ignore_label: pixels of this label are ignored, as those of 255 always are.

    Raises:
        UserError: the folder has another layout, lacks the splits, has other classes than asked for, leaves open how
            its labels are numbered, or has a defect that cannot be repaired.
    """
    check_options(background, ignore_label)
    root, out_dir = absolute(root), Path(os.path.abspath(out_dir))
    folders, notes = find_splits(root)
    names_file, names = read_class_names(root)
    compare_classes(names, classes or names, str(names_file), 'the classes of the model')
    if names_file.name == ADE20K:  # it numbers its names, from 1
        if background == 'class':
            raise UserError(
                f'{names_file} numbers its names from 1: label maps that are counted from 0 (--background '
                'class) need a classes.txt of their own.'
            )
        background = 'ignore'

    alone = 'val' not in folders
    there = {'train', 'val', *folders}
    wanted = [split for split in SPLITS if split in there and (splits is None or split in splits)]
    pairs = {}
    for split in dict.fromkeys('train' if alone and split == 'val' else split for split in wanted):
        pairs[split] = read_pairs(root, folders[split], notes)
        maps = {pair.label_path: pair.label for pair in pairs[split]}
        check_range(maps, names, background, ignore_label, names_file)
        check_some_class(maps, Numbering(background or 'ignore', ignore_label), names_file)
    maps = [pair.label for found in pairs.values() for pair in found]
    pixels = count_pixels(maps)
    notes += check_turned([pair for found in pairs.values() for pair in found])
    numbering = settle_numbering(pixels, names, background, ignore_label, names_file, root)
    if 'train' in pairs:
        check_void(pixels, names, numbering, root)
        notes += describe_labels(maps, names, numbering)
    if alone and 'train' in pairs:
        content = {str(pair.image): set(pair.label.pixels) - numbering.ignored for pair in pairs['train']}
        parts = divide(content, content)
        divided = {split: [pair for pair in pairs['train'] if str(pair.image) in part] for split, part in parts.items()}
        notes.append(describe_division('images/training', {split: len(found) for split, found in divided.items()}))
        pairs |= divided
    if not all(pairs.values()):
        raise UserError(f'{root} has too few images to divide a validation part from.')

    done = {}
    for split in wanted:
        content = [[str(pair.image), str(_usable(pair, root, out_dir, ignore_label))] for pair in pairs[split]]
        write_text(out_dir / f'{split}.json', json.dumps(content))
        thinnest = max(pairs[split], key=lambda pair: max(pair.label.size) / min(pair.label.size))
        done[split] = SegmentationSplit(
            out_dir / f'{split}.json', len(content), (str(thinnest.image), *thinnest.label.size)
        )
    if converted := sum(not pair.label.as_stored for split in wanted for pair in pairs[split]):
        notes.append(f'label maps that are not of one byte a pixel are stored anew, as such, in {out_dir}: {converted}')
    counts = ', '.join(f'{split} {item.images} images' for split, item in done.items())
    summary = f'{root}: ADE20K layout, {len(names)} classes; {counts}'
    order = tuple(classes or names)
    label_map = None if order == names else tuple(order.index(name) for name in names)
    return SegmentationData(order, label_map, done, (summary, *notes), numbering.background, ignore_label)


def _usable(pair: Pair, root: Path, out_dir: Path, ignore_label: int | None) -> Path:
    if pair.label.as_stored:
        return pair.label_path
    target = out_dir / pair.label_path.relative_to(root)
    write_as_bytes(pair.label_path, target, ignore_label)
    return target
