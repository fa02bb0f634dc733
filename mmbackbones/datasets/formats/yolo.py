"""YOLO folders as Ultralytics and Roboflow write them: `data.yaml`, and a text file of normalised boxes an image."""

import os
from functools import partial
from pathlib import Path, PurePosixPath

from ...errors import UserError
from ...utils.files import list_files, read_text
from ...utils.paths import normalize_separators
from ...utils.text import short
from ...utils.yaml_file import read_yaml
from ..checks.images import SUFFIXES, read_images
from .base import Annotations, Layout, Source, plan
from .split_names import NAMES


def yolo(root: Path) -> Layout | None:
    file = root / 'data.yaml'
    if not file.is_file():
        return None
    config = read_yaml(file)
    if not isinstance(config, dict):
        raise UserError(f'{file} must hold "names", "train" and "val".')
    categories = _categories(config, file)
    base = root / normalize_separators(root, str(config.get('path') or '.').replace('\0', ''))
    found, folders, notes = {}, {}, []
    for split, names in NAMES.items():
        keys = [name for name in names if config.get(name)]
        if any(config[key] != config[keys[0]] for key in keys):
            raise UserError(f'{file} has {" and ".join(keys)}, which are both the split {split!r}: leave one.')
        entries = _listed(config[keys[0]]) if keys else []
        images = [_images(root, base, str(item)) for item in entries]
        if None not in images:
            if images:
                found[split] = sorted({name for names in images for name in names})
                folders[split] = [_place(root, base, str(item)) for item in entries]
        elif split == 'test':  # Roboflow names one whether there is one or not
            named = short(', '.join(map(str, entries)))[1:-1]
            notes.append(f'data.yaml: {named}, named as its test split, is not there: left out')
        else:
            raise UserError(
                f'{file}: "{keys[0]}" is {short(config[keys[0]])}, which is no folder and no .txt list inside {root}.'
            )
    if not found:
        raise UserError(f'{file} names no images: it needs "train" and "val", each a folder or a .txt list.')
    if 'train' in found and found.get('val') == found['train']:
        del found['val']
        notes.append('data.yaml: val names the same images as train, which makes no validation split')
    if not any(config.get(name) for name in NAMES['val']):
        _refuse_unnamed(root, file, found, folders)
    keypoints = 'kpt_shape' in config
    sources = [
        Source(
            f'data.yaml ({splits[0]})',
            splits,
            partial(_read, root, names, categories, keypoints, folders.get(splits[0], [])),
        )
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
            raise UserError(f'{file}: the class name {short(name)} must be text; put it in quotes.')
    return [{'id': key, 'name': str(names[key])} for key in sorted(names)]


def _refuse_unnamed(root: Path, file: Path, found: dict[str, list[str]], folders: dict[str, list[Path]]) -> None:
    """Raise UserError if images of a validation part lie where they usually do, but `data.yaml` does not name them."""
    named = {folder for places in folders.values() for folder in places}
    for place in sorted([*root.glob('images/*'), *root.glob('*/images'), *root.glob('*.txt')]):
        is_list = place.suffix == '.txt'
        split = place.stem if is_list else place.parent.name if place.name == 'images' else place.name
        if split.lower() not in NAMES['val'] or place in named or place.is_dir() == is_list:
            continue
        if is_list or not any((root / name).is_relative_to(place) for names in found.values() for name in names):
            raise UserError(
                f'{file} names no validation split, but there is {place.relative_to(root).as_posix()}'
                f'{"" if is_list else "/"}: name it there as "val", or take it away to have one divided '
                'from "train".'
            )


def _images(root: Path, base: Path, entry: str) -> list[str] | None:
    """The image files of a folder or of a .txt list, relative to `root`; None if it is not inside `root`."""
    place = _place(root, base, entry)
    if place is None:
        return None
    if place.is_dir():
        return [(place / name).relative_to(root).as_posix() for name in list_files(place, SUFFIXES)]
    if place.suffix != '.txt':
        return None
    lines = [line.strip() for line in read_text(place).splitlines() if line.strip()]
    paths = ((line, _inside(root, line, place.parent, base, root)) for line in lines)
    return [path.relative_to(root).as_posix() if path else line for line, path in paths]


def _place(root: Path, base: Path, entry: str) -> Path | None:
    """Roboflow writes `../train/images` for the `train/images` that lies beside data.yaml."""
    return _inside(root, entry, base, root) or _inside(root, _without_parents(normalize_separators(root, entry)), root)


def _without_parents(entry: str) -> str:
    return '/'.join(part for part in PurePosixPath(entry).parts if part not in ('..', '/'))


def _inside(root: Path, entry: str, *folders: Path) -> Path | None:
    """The first existing one of the paths `entry`, from one of the `folders`, that is inside `root`; it begins so."""
    for folder in folders if '\0' not in entry else ():
        path = folder / normalize_separators(folder, entry)
        normal = Path(os.path.normpath(path))
        if os.path.exists(normal) and normal.is_relative_to(root):
            return normal
        real = Path(os.path.realpath(path))  # `path` may lead there in another way than `root`, by a link
        if os.path.exists(real) and real.is_relative_to(os.path.realpath(root)):
            return root / real.relative_to(os.path.realpath(root))
    return None


def _read(root: Path, names: list[str], categories: list[dict], keypoints: bool, folders: list[Path]) -> Annotations:
    found = read_images(root, root, names, str(root / 'data.yaml'))
    ids = {category['id'] for category in categories}
    images, annotations = [], []
    labels = [_label_name(name) for name in names]
    for number, (name, label_name, info) in enumerate(zip(names, labels, found, strict=True), 1):
        images.append({'id': number, 'file_name': name, 'width': info.width, 'height': info.height})
        file = root / label_name
        if not os.path.lexists(file):
            continue  # an image without objects
        for row, line in enumerate(read_text(file).splitlines(), 1):
            if not line.strip():
                continue
            label, values = _numbers(line, f'{file}, line {row}')
            if label not in ids:
                raise UserError(f'{file}, line {row}: class {label:g} is not among the {len(ids)} names of data.yaml.')
            shape = _shape(values[:4] if keypoints else values, info.width, info.height, f'{file}, line {row}')
            ours = {'id': len(annotations) + 1, 'image_id': number, 'category_id': int(label), 'iscrowd': 0}
            annotations.append(ours | shape)
    data = {'images': images, 'annotations': annotations, 'categories': categories}
    return Annotations(data, root, images=found, notes=_describe_spare(root, set(labels), folders))


def _describe_spare(root: Path, used: set[str], folders: list[Path]) -> tuple[str, ...]:
    """A note on label files for which there is no image, such as one of a kind that is not read."""
    places = {
        os.path.dirname(_label_name((folder / '_').relative_to(root).as_posix()))
        for folder in folders
        if folder.is_dir()
    }
    there = {os.path.join(place, name) for place in places for name in list_files(root / place, {'.txt'})}
    spare = {name for name in there - used if os.path.basename(name) != 'classes.txt'}
    return (f'labels without an image, such as {min(spare)}: {len(spare)}',) if spare else ()


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
