"""From a user's folder of images and label maps, in ADE20K's layout, to lists that MMSegmentation can train on."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from .class_names import read_class_names
from .classes import compare_classes
from .division import describe_division, divide
from .files import write_text
from .label_check import check_labels, check_numbering, describe_labels
from .label_maps import BYTES, write_as_bytes
from .pairs import Pair, read_pairs

KINDS = ('images', 'annotations')
FOLDERS = {'train': 'training', 'val': 'validation'}
LAYOUT = """
  images/{training,validation}/       in any format that OpenCV reads
  annotations/{training,validation}/  for each image a PNG of the same name: one label a pixel, 0 is ignored
  classes.txt                         line n names label n (or ADE20K's objectInfo150.txt)"""


@dataclass(frozen=True)
class LabelledSplit:
    list_file: Path  # JSON, absolute: [[image, label map], ...], absolute too
    images: int


@dataclass(frozen=True)
class SegmentationData:
    classes: tuple[str, ...]  # index = what the model is to say
    label_map: tuple[int, ...] | None  # index: label of the files, less 1; entry: index of `classes`; None: the same
    splits: dict[str, LabelledSplit]  # of 'train' and 'val', in this order
    notes: tuple[str, ...]  # to be shown, a line each: what was found, divided, converted


def has_label_maps(root: str | os.PathLike) -> bool:
    """Whether the folder is in ADE20K's layout."""
    return all((Path(root) / kind / FOLDERS['train']).is_dir() for kind in KINDS)


def load_segmentation(
    root: str | os.PathLike,
    out_dir: str | os.PathLike,
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
) -> SegmentationData:
    """Pair the images and label maps in `root`, in ADE20K's layout, check them, and list them.

    Labels 0 and 255 are ignored; label n is the n-th name of `classes.txt`, or else of ADE20K's `objectInfo150.txt`.
    Lists, and label maps that had to be stored anew, are written to `out_dir`; nothing in `root` is changed.

    Args:
        classes: the class names in the order of the model's labels, such as a checkpoint's. Default: the folder's.
        splits: check and return these only, of `train` and `val`. Default: both. A `val` that is not there is divided
            from `train`.

    Raises:
        UserError: the folder has another layout, lacks the splits, has other classes than asked for, or has a defect
            that cannot be repaired; one sentence with the file.
    """
    root, out_dir = Path(os.path.abspath(root)), Path(os.path.abspath(out_dir))
    alone = _has_no_validation(root)
    names_file, names = read_class_names(root)
    compare_classes(names, classes or names, str(names_file), 'the classes asked for')

    wanted = [split for split in FOLDERS if splits is None or split in splits]
    notes, pairs = [], {}
    for split in ['train'] if alone else wanted:
        pairs[split] = read_pairs(root, FOLDERS[split], notes)
        check_labels({pair.label_path: pair.label for pair in pairs[split]}, names, names_file)
    maps = [pair.label for found in pairs.values() for pair in found]
    if 'train' in pairs:
        check_numbering(maps, names, names_file, root)
        notes += describe_labels(maps, names)
    if alone:
        parts = divide(str(pair.image) for pair in pairs['train'])
        pairs = {split: [pair for pair in pairs['train'] if str(pair.image) in part] for split, part in parts.items()}
        notes.append(describe_division('images/training', {split: len(found) for split, found in pairs.items()}))
    if not all(pairs.values()):
        raise UserError(f'{root} has too few images to divide a validation part from.')

    done = {}
    for split in wanted:
        content = [[str(pair.image), str(_usable(pair, root, out_dir))] for pair in pairs[split]]
        write_text(out_dir / f'{split}.json', json.dumps(content))
        done[split] = LabelledSplit(out_dir / f'{split}.json', len(content))
    if converted := sum(pair.label.form != BYTES for split in wanted for pair in pairs[split]):
        notes.append(f'label maps of 16 bits or of equal colours are stored anew, as bytes, in {out_dir}: {converted}')
    counts = ', '.join(f'{split} {item.images} images' for split, item in done.items())
    summary = f'{root}: ADE20K layout, {len(names)} classes; {counts}'
    order = tuple(classes or names)
    label_map = None if order == names else tuple(order.index(name) for name in names)
    return SegmentationData(order, label_map, done, (summary, *notes))


def _has_no_validation(root: Path) -> bool:
    """Whether `root`, which must be in the layout, leaves it to us to divide a validation part from training."""
    if not root.is_dir():
        raise UserError(f'The data folder {root} does not exist or is not a folder.')
    if not has_label_maps(root):
        found = ', '.join(_folders(root)) or 'no folders'
        raise UserError(f'The data folder {root} is not laid out as segmentation needs it (it holds {found}); it must '
                        f'have:{LAYOUT}')
    if (root / 'images' / FOLDERS['val']).is_dir():
        return False
    if misnamed := [path for kind in KINDS for path in sorted((root / kind).glob('[vV]al*')) if path.is_dir()]:
        raise UserError(f'{misnamed[0]} is there, but images/{FOLDERS["val"]} is not: the validation part belongs into '
                        f'images/{FOLDERS["val"]} and annotations/{FOLDERS["val"]} of {root}.')
    return True


def _folders(root: Path, most: int = 6) -> list[str]:
    """Some folders in `root`, for a message: the subfolders of each, or itself if it has none."""
    inner = [path for path in root.glob('*/*') if path.is_dir()]
    parents = {path.parent for path in inner}
    outer = [path for path in root.glob('*') if path.is_dir() and path not in parents]
    shown = sorted(f'{path.relative_to(root).as_posix()}/' for path in [*inner, *outer])
    return [*shown[:most], '...'] if len(shown) > most else shown


def _usable(pair: Pair, root: Path, out_dir: Path) -> Path:
    if pair.label.form == BYTES:
        return pair.label_path
    target = out_dir / pair.label_path.relative_to(root)
    write_as_bytes(pair.label_path, target)
    return target
