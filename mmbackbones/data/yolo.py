"""YOLO folders as Ultralytics and Roboflow write them: `data.yaml`, and a text file of normalised boxes an image."""

import os
from functools import partial
from pathlib import Path, PurePosixPath

import yaml as pyyaml

from ..errors import UserError
from .files import list_files, read_text
from .images import SUFFIXES, image_sizes
from .source import Annotations, Layout, Source, plan


def yolo(root: Path) -> Layout | None:
    file = root / 'data.yaml'
    if not file.is_file():
        return None
    try:
        config = pyyaml.safe_load(read_text(file))
    except (pyyaml.YAMLError, RecursionError) as error:
        raise UserError(f'{file} is not readable YAML: {" ".join(str(error).split())}.') from error
    if not isinstance(config, dict):
        raise UserError(f'{file} must hold "names", "train" and "val".')
    categories = _categories(config, file)
    found, notes = {}, []
    for split in ('train', 'val', 'test'):
        entry = config.get(split) or (config.get('valid') if split == 'val' else None)
        images = [_images(root, str(config.get('path') or '.'), str(item)) for item in _listed(entry)]
        if None not in images:
            if images:
                found[split] = sorted({name for names in images for name in names})
        elif split == 'test':  # Roboflow names one whether there is one or not
            notes.append(f'data.yaml: {entry}, named as its test split, is not there: left out')
        else:
            raise UserError(f'{file}: "{split}" is {entry!r}, which is no folder and no .txt list inside {root}.')
    if not found:
        raise UserError(f'{file} names no images: it needs "train" and "val", each a folder or a .txt list.')
    if found.get('val') == found.get('train'):
        found.pop('val', None)
    keypoints = 'kpt_shape' in config
    sources = [
        Source(f'data.yaml ({splits[0]})', splits, partial(_read, root, names, categories, keypoints))
        for splits, names in plan(found)
    ]
    return Layout('YOLO', sources, common_classes=True, notes=tuple(notes))


def _listed(entry: object) -> list:
    return entry if isinstance(entry, list) else [entry] if entry else []


def _categories(config: dict, file: Path) -> list[dict]:
    names = config.get('names')
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names or not all(type(key) is int and key >= 0 for key in names):
        raise UserError(f'{file}: "names" must be a list of class names, or a table from class index to name.')
    for name in names.values():
        if type(name) not in (str, int, float):  # YAML reads a bare yes, no, on, off or null as something else
            raise UserError(f'{file}: the class name {name!r} must be text; put it in quotes.')
    return [{'id': key, 'name': str(names[key])} for key in sorted(names)]


def _images(root: Path, base: str, entry: str) -> list[str] | None:
    """The image files of a folder or of a .txt list, relative to `root`; None if it is not inside `root`."""
    place = _inside(root, root / base / entry, root / entry, root / _without_parents(entry))
    if place is None:
        return None
    if place.is_dir():
        return [(place / name).relative_to(root).as_posix() for name in list_files(place, SUFFIXES)]
    if place.suffix != '.txt':
        return None
    lines = [line.strip() for line in read_text(place).splitlines() if line.strip()]
    paths = ((line, _inside(root, place.parent / line, root / base / line, root / line)) for line in lines)
    return [path.relative_to(root).as_posix() if path else line for line, path in paths]


def _without_parents(entry: str) -> Path:
    """Roboflow writes `../train/images` for the `train/images` that lies beside data.yaml."""
    return Path(*[part for part in PurePosixPath(entry).parts if part not in ('..', '/')])


def _inside(root: Path, *candidates: Path) -> Path | None:
    normal = (Path(os.path.normpath(path)) for path in candidates)
    return next((path for path in normal if path.is_relative_to(root) and path.exists()), None)


def _read(root: Path, names: list[str], categories: list[dict], keypoints: bool) -> Annotations:
    sizes = image_sizes(root, root, names, str(root / 'data.yaml'))
    ids = {category['id'] for category in categories}
    images, annotations = [], []
    for number, (name, (width, height)) in enumerate(zip(names, sizes, strict=True), 1):
        images.append({'id': number, 'file_name': name, 'width': width, 'height': height})
        file = root / _label_name(name)
        if not file.is_file():
            continue  # an image without objects
        for row, line in enumerate(read_text(file).splitlines(), 1):
            if not line.strip():
                continue
            label, values = _numbers(line, f'{file}, line {row}')
            if label not in ids:
                raise UserError(f'{file}, line {row}: class {label:g} is not among the {len(ids)} names of data.yaml.')
            shape = _shape(values[:4] if keypoints else values, width, height, f'{file}, line {row}')
            ours = {'id': len(annotations) + 1, 'image_id': number, 'category_id': int(label), 'iscrowd': 0}
            annotations.append(ours | shape)
    data = {'images': images, 'annotations': annotations, 'categories': categories}
    return Annotations(data, root, sizes=sizes)


def _label_name(image: str) -> str:
    """`a/images/b/c.jpg` -> `a/labels/b/c.txt`: the last `images` counts; without one, the label lies beside it."""
    parts = list(PurePosixPath(image).with_suffix('.txt').parts)
    for index in reversed(range(len(parts) - 1)):
        if parts[index] == 'images':
            parts[index] = 'labels'
            break
    return '/'.join(parts)


def _numbers(line: str, where: str) -> tuple[float, list[float]]:
    try:
        label, *values = (float(word) for word in line.split())
    except ValueError as error:
        raise UserError(f'{where}: {line.strip()[:40]!r} is not a row of numbers.') from error
    if not all(-1 <= value <= 2 for value in values):  # a little outside is clipped later; NaN is refused here, too
        raise UserError(f'{where}: coordinates must be shares of the image, 0 to 1, not pixels.')
    return label, values


def _shape(values: list[float], width: int, height: int, where: str) -> dict:
    """`cx cy w h`, or the corners of a polygon, as shares of the image -> COCO's bbox, area and segmentation."""
    if len(values) == 4:
        x, y, w, h = values[0] * width, values[1] * height, values[2] * width, values[3] * height
        if w < 0 or h < 0:
            raise UserError(f'{where}: width and height must not be negative.')
        return {'bbox': _rounded(x - w / 2, y - h / 2, w, h), 'area': w * h}
    if len(values) < 6 or len(values) % 2:
        raise UserError(f'{where}: a row is "class cx cy w h" or "class x1 y1 x2 y2 x3 y3 ...".')
    xs, ys = [value * width for value in values[::2]], [value * height for value in values[1::2]]
    corners = list(zip(xs, ys, strict=True))
    turned = zip(corners, corners[1:] + corners[:1], strict=True)
    area = abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in turned)) / 2  # the shoelace formula
    box = _rounded(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return {'bbox': box, 'area': area, 'segmentation': [_rounded(*(value for corner in corners for value in corner))]}


def _rounded(*values: float) -> list[float]:
    """COCO's own precision, 1/100 pixel. More would be noise of the shares: a box of 1 pixel must not become 0.999."""
    return [round(value, 2) for value in values]
