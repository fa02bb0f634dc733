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
from .images import SUFFIXES, image_sizes
from .label_check import check_labels, check_numbering
from .label_maps import BYTES, LabelMap, read_label_maps, write_as_bytes

FOLDERS = {'train': 'training', 'val': 'validation'}
LAYOUT = """
  images/{training,validation}/       in any format that OpenCV reads
  annotations/{training,validation}/  for each image a PNG of the same name: one label a pixel, 0 is ignored
  classes.txt                         line n names label n"""


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


@dataclass(frozen=True)
class _Pair:
    image: Path
    label_path: Path
    label: LabelMap


def has_label_maps(root: str | os.PathLike) -> bool:
    """Whether the folder is in ADE20K's layout."""
    return all((Path(root) / kind / FOLDERS['train']).is_dir() for kind in ('images', 'annotations'))


def load_segmentation(
    root: str | os.PathLike,
    out_dir: str | os.PathLike,
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
) -> SegmentationData:
    """Pair the images and label maps in `root`, check them, and list them.

    Lists, and label maps that had to be stored anew, are written to `out_dir`; nothing in `root` is changed.

    Args:
        classes: the class names in the order of the model's labels, such as a checkpoint's. Default: the folder's.
        splits: check and return these only. Default: all. A `val` that is not there is divided from `train`.

    Raises:
        UserError: the folder has another layout, lacks the splits, has other classes than asked for, or has a defect
            that cannot be repaired; one sentence with the file.
    """
    root, out_dir = Path(os.path.abspath(root)), Path(os.path.abspath(out_dir))
    if not root.is_dir():
        raise UserError(f'The data folder {root} does not exist or is not a folder.')
    if not has_label_maps(root):
        raise UserError(f'The data folder {root} holds no label maps as segmentation needs them; it must have:{LAYOUT}')
    names_file, names = read_class_names(root)
    compare_classes(names, classes or names, str(names_file), 'the classes asked for')

    alone = not (root / 'images' / FOLDERS['val']).is_dir()
    wanted = [split for split in FOLDERS if splits is None or split in splits]
    notes, pairs = [], {}
    for split in ['train'] if alone else wanted:
        pairs[split] = _read_pairs(root, FOLDERS[split], notes)
        check_labels({pair.label_path: pair.label for pair in pairs[split]}, names, names_file)
    if 'train' in pairs:
        occurring = {label for found in pairs.values() for pair in found for label in pair.label.labels}
        check_numbering(occurring, names, names_file, root)
        if unseen := [name for label, name in enumerate(names, 1) if label not in occurring]:
            notes.append(f'{len(unseen)} of the {len(names)} classes occur nowhere, such as {unseen[0]!r}')
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
        notes.append(f'{converted} label maps of 16 bits or equal colours are stored anew, as bytes, in {out_dir}')
    counts = ', '.join(f'{split} {item.images} images' for split, item in done.items())
    summary = f'{root}: ADE20K layout, {len(names)} classes; {counts}'
    order = tuple(classes or names)
    label_map = None if order == names else tuple(order.index(name) for name in names)
    return SegmentationData(order, label_map, done, (summary, *notes))


def _read_pairs(root: Path, folder: str, notes: list[str]) -> list[_Pair]:
    image_dir, label_dir = root / 'images' / folder, root / 'annotations' / folder
    images: dict[str, str] = {}  # stem, subfolders included -> name
    for path in sorted(image_dir.rglob('*')):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            name = path.relative_to(image_dir).as_posix()
            stem = name.removesuffix(path.suffix)
            if stem in images:
                raise UserError(f'{image_dir} has two images that {stem}.png could belong to: {images[stem]}, {name}.')
            images[stem] = name
    if not images:
        raise UserError(f'{image_dir} holds no images.')
    labels = {path.relative_to(label_dir).as_posix()[:-4] for path in label_dir.rglob('*.png')}
    if missing := [name for stem, name in images.items() if stem not in labels]:
        raise UserError(f'{len(missing)} of the {len(images)} images in {image_dir} have no label map in {label_dir}: '
                        f'{missing[0]} needs one with the same name, ending in .png.')
    if spare := labels - set(images):
        notes.append(f'annotations/{folder}: {len(spare)} label maps have no image and are left out, such as '
                     f'{min(spare)}.png')
    sizes = image_sizes(root, image_dir, list(images.values()), str(image_dir))
    maps = read_label_maps(root, label_dir, [f'{stem}.png' for stem in images], str(label_dir))
    pairs = []
    for (stem, name), size, label in zip(images.items(), sizes, maps, strict=True):
        if size != label.size:
            raise UserError(f'{label_dir / stem}.png is {label.size[0]}x{label.size[1]} pixels, but its image {name} '
                            f'is {size[0]}x{size[1]}, turned by its EXIF orientation as in training.')
        pairs.append(_Pair(image_dir / name, label_dir / f'{stem}.png', label))
    return pairs


def _usable(pair: _Pair, root: Path, out_dir: Path) -> Path:
    if pair.label.form == BYTES:
        return pair.label_path
    target = out_dir / pair.label_path.relative_to(root)
    write_as_bytes(pair.label_path, target)
    return target
