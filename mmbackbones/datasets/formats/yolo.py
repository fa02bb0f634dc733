"""YOLO folders as Ultralytics and Roboflow write them: `data.yaml`, and a text file of normalized boxes per image."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import UserError
from ...utils.files import list_files, read_text
from ...utils.paths import normalize_separators
from ...utils.text import counted, short
from ...utils.yaml_file import read_yaml
from ..checks.images import SUFFIXES, read_images
from .base import Annotations, DetectionFormat
from .folder import Folder
from .split_names import NAMES


class Yolo(DetectionFormat):
    """`data.yaml`, which names the images of each split and the classes, and a label file per image with objects."""

    name = 'YOLO'
    expects = '`data.yaml`, `images/`, `labels/*.txt`'
    common_classes = True

    tree = """
data.yaml  # train, val and names
images/
  train/*.jpg
  val/*.jpg
labels/
  train/*.txt
  val/*.txt
"""
    signs = {'data.yaml': 'class names and splits', 'images/': 'images', 'labels/**/*.txt': 'a text file per image'}

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        root = self.root
        self._file = root / 'data.yaml'
        config = read_yaml(self._file)
        if not isinstance(config, dict):
            raise UserError(f'{self._file} must hold "names", "train" and "val"')
        self._categories = _read_categories(config, self._file)
        self._has_keypoints = 'kpt_shape' in config
        self._images: dict[str, list[str]] = {}  # of each split, relative to root
        self._places: dict[str, list[Path]] = {}  # the folders and lists that are named for it
        for split in NAMES:
            self._list_split(split, config)
        if not self._images:
            raise UserError(f'{self._file} names no images: it needs "train" and "val", each a folder or a .txt list')
        if 'train' in self._images and self._images.get('val') == self._images['train']:
            del self._images['val']
            self.notes.append('data.yaml: val names the same images as train, which makes no validation split')
        if not any(config.get(name) for name in NAMES['val']):
            self._refuse_unnamed_val()
        self.splits = {split: f'data.yaml ({split})' for split in self._images}

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return (folder / 'data.yaml').is_file()

    def _list_split(self, split: str, config: dict[Any, Any]) -> None:
        keys = [name for name in NAMES[split] if config.get(name)]
        if not keys:
            return
        entry = config[keys[0]]
        if any(config[key] != entry for key in keys):
            raise UserError(f'{self._file} has {" and ".join(keys)}, which are both the split {split!r}: keep one')
        base = self.root / normalize_separators(self.root, str(config.get('path') or '.').replace('\0', ''))
        entries = [str(item) for item in (entry if isinstance(entry, list) else [entry])]
        places = [place for item in entries if (place := _find_place(self.root, base, item))]
        images = [names for place in places if (names := _list_images(self.root, base, place)) is not None]
        if len(images) == len(entries):
            self._images[split] = sorted({name for names in images for name in names})
            self._places[split] = places
        elif split == 'test':  # Roboflow names one whether it exists or not
            named = short(', '.join(entries))[1:-1]
            self.notes.append(f'data.yaml: {named}, named as its test split, is not there: left out')
        else:
            raise UserError(
                f'{self._file}: "{keys[0]}" is {short(entry)}, which is neither a folder nor a .txt list in {self.root}'
            )

    def _refuse_unnamed_val(self) -> None:
        """Raise UserError if images of a validation split are where they usually are, but `data.yaml` names none."""
        root = self.root
        named = {place for places in self._places.values() for place in places}
        for place in sorted([*root.glob('images/*'), *root.glob('*/images'), *root.glob('*.txt')]):
            is_list = place.suffix == '.txt'
            split = place.stem if is_list else place.parent.name if place.name == 'images' else place.name
            if split.lower() not in NAMES['val'] or place in named or place.is_dir() == is_list:
                continue
            if is_list or not any(
                (root / name).is_relative_to(place) for names in self._images.values() for name in names
            ):
                raise UserError(
                    f'{self._file} names no validation split, but there is {place.relative_to(root).as_posix()}'
                    f'{"" if is_list else "/"}: name it there as "val", or move it away to have "train" split 80/20'
                )

    def read(self, split: str) -> Annotations:
        names = self._images[split]
        found = read_images(self.root, self.root, names, str(self._file))
        ids = {category['id'] for category in self._categories}
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, (name, info) in enumerate(zip(names, found, strict=True), 1):
            images.append({'id': number, 'file_name': name, 'width': info.width, 'height': info.height})
            file = self.root / _label_name(name)
            if not os.path.lexists(file):
                continue  # an image without objects
            for row, line in enumerate(read_text(file).splitlines(), 1):
                if not line.strip():
                    continue
                where = f'{file}, line {row}'
                label, values = _parse_row(line, where)
                if label not in ids:
                    raise UserError(
                        f'{where}: class {label:g} is not among the {counted(len(ids), "name")} of data.yaml'
                    )
                shape = _to_coco(values[:4] if self._has_keypoints else values, info.width, info.height, where)
                annotation = {'id': len(annotations) + 1, 'image_id': number, 'category_id': int(label), 'iscrowd': 0}
                annotations.append(annotation | shape)
        data = {'images': images, 'annotations': annotations, 'categories': self._categories}
        notes = _describe_spare_labels(self.root, map(_label_name, names), self._places.get(split, []))
        return Annotations(data, self.root, images=found, notes=notes)


def _read_categories(config: dict[Any, Any], file: Path) -> list[dict[str, Any]]:
    names = config.get('names')
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(type(key) is int and key >= 0 for key in names):
        raise UserError(f'{file}: "names" must be a list of class names, or a table from class index to name')
    for name in names.values():
        if type(name) not in (str, int, float):  # YAML reads a bare yes, no, on, off or null as something else
            raise UserError(f'{file}: the class name {short(name)} must be text; put it in quotes')
    return [{'id': key, 'name': str(names[key])} for key in sorted(names)]


def _find_place(root: Path, base: Path, entry: str) -> Path | None:
    """The file or folder in `root` that an entry of data.yaml names.

    Roboflow writes ``../train/images`` for the ``train/images`` beside data.yaml.
    """
    return _find_inside(root, entry, base, root) or _find_inside(
        root, _without_parents(normalize_separators(root, entry)), root
    )


def _without_parents(entry: str) -> str:
    return '/'.join(part for part in PurePosixPath(entry).parts if part not in ('..', '/'))


def _list_images(root: Path, base: Path, place: Path) -> list[str] | None:
    """The images in a folder or of a .txt list, relative to `root`; None if `place` is neither."""
    if place.is_dir():
        return [(place / name).relative_to(root).as_posix() for name in list_files(place, SUFFIXES)]
    if place.suffix != '.txt':
        return None
    lines = [line.strip() for line in read_text(place).splitlines() if line.strip()]
    paths = ((line, _find_inside(root, line, place.parent, base, root)) for line in lines)
    return [path.relative_to(root).as_posix() if path else line for line, path in paths]


def _find_inside(root: Path, entry: str, *folders: Path) -> Path | None:
    """The path `entry`, relative to the first of `folders` where it exists inside `root`; it begins with `root`."""
    for folder in folders if '\0' not in entry else ():
        path = folder / normalize_separators(folder, entry)
        normal = Path(os.path.normpath(path))
        if os.path.exists(normal) and normal.is_relative_to(root):
            return normal
        real = Path(os.path.realpath(path))  # by symlinks, `path` may lead there in another way than `root`
        if os.path.exists(real) and real.is_relative_to(os.path.realpath(root)):
            return root / real.relative_to(os.path.realpath(root))
    return None


def _describe_spare_labels(root: Path, used: Iterable[str], places: list[Path]) -> tuple[str, ...]:
    """A note on label files that no image has `used`, such as those of images in a format that is not read."""
    folders = {
        os.path.dirname(_label_name((place / '_').relative_to(root).as_posix())) for place in places if place.is_dir()
    }
    existing = {os.path.join(folder, name) for folder in folders for name in list_files(root / folder, {'.txt'})}
    spare = {name for name in existing.difference(used) if os.path.basename(name) != 'classes.txt'}
    return (f'labels without an image, such as {min(spare)}: {len(spare)}',) if spare else ()


def _label_name(image: str) -> str:
    """``a/images/b/c.jpg`` -> ``a/labels/b/c.txt``: the last ``images`` counts; without one, the label is beside it."""
    parts = list(PurePosixPath(image).with_suffix('.txt').parts)
    for index in reversed(range(len(parts) - 1)):
        if parts[index] == 'images':
            parts[index] = 'labels'
            break
    return '/'.join(parts)


def _parse_row(line: str, where: str) -> tuple[float, list[float]]:
    """The class index and the coordinates in a line of a label file."""
    try:
        label, *values = (float(word) for word in line.split())
    except ValueError as error:
        raise UserError(f'{where}: {line.strip()[:40]!r} is not a row of numbers') from error
    if not all(-1 <= value <= 2 for value in values):  # a little outside is clipped later; NaN is refused here as well
        raise UserError(f'{where}: coordinates must be fractions of the image, 0 to 1, not pixels')
    return label, values


def _to_coco(values: list[float], width: int, height: int, where: str) -> dict[str, Any]:
    """COCO's bbox, area and segmentation of ``cx cy w h`` or the corners of a polygon, as fractions of the image."""
    if len(values) == 4:
        x, y, w, h = values[0] * width, values[1] * height, values[2] * width, values[3] * height
        if w < 0 or h < 0:
            raise UserError(f'{where}: width and height must not be negative')
        return {'bbox': _round(x - w / 2, y - h / 2, w, h), 'area': w * h}
    if len(values) < 6 or len(values) % 2:
        raise UserError(f'{where}: a row is "class cx cy w h" or "class x1 y1 x2 y2 x3 y3 ..."')
    xs, ys = [value * width for value in values[::2]], [value * height for value in values[1::2]]
    corners = list(zip(xs, ys, strict=True))
    shifted = zip(corners, corners[1:] + corners[:1], strict=True)
    area = abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in shifted)) / 2  # the shoelace formula
    box = _round(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return {'bbox': box, 'area': area, 'segmentation': [_round(*(value for corner in corners for value in corner))]}


def _round(*values: float) -> list[float]:
    """Round to COCO's own precision, 1/100 pixel: so a box of 1 pixel does not become one of 0.999."""
    return [round(value, 2) for value in values]
