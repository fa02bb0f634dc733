"""The four layouts that hold COCO files already."""

import json
from functools import cache, partial
from itertools import islice
from pathlib import Path

from ..errors import UserError
from .source import Annotations, Layout, Source, plan

LISTS = ('images', 'annotations', 'categories')


def coco_2017(root: Path) -> Layout | None:
    files = _present(root, {split: f'annotations/instances_{split}2017.json' for split in ('train', 'val')})
    if len(files) == 2 or any((root / f'{split}2017').is_dir() for split in files):
        return _layout('COCO 2017', root, files, ('{}2017', 'images/{}2017'))
    return None


def plain_coco(root: Path) -> Layout | None:
    files = _present(root, {split: f'annotations/{split}.json' for split in ('train', 'val', 'test')})
    if 'val' in files or 'test' in files:  # a train.json alone is the layout "one file"
        return _layout('plain COCO', root, files, ('images', '{}', 'images/{}', '.'))
    return None


def one_file(root: Path) -> Layout | None:
    files = sorted(root.glob('annotations/*.json'))
    if len(files) != 1:
        files = [path for path in [root / 'trainval.json'] if path.is_file()]
    if files and (root / 'images').is_dir():
        return _layout('one COCO file', root, {'train': files[0].relative_to(root).as_posix()}, ('images', '.'))
    return None


def roboflow(root: Path) -> Layout | None:
    folders = {'train': 'train', 'val': 'valid', 'test': 'test'}
    files = _present(root, {split: f'{folder}/_annotations.coco.json' for split, folder in folders.items()})
    if not files:
        return None

    @cache  # whether a category is empty is to be seen in all files only
    def annotations() -> dict[str, Annotations]:
        read = {split: read_coco(root, name, split, (folders[split],)) for split, name in files.items()}
        if not all(_has_dummy(item.data) for item in read.values()):
            return read
        dropped = {}
        for split, item in read.items():
            names = [category['name'] for category in item.data['categories'] if category.get('id') == 0]
            item.data['categories'] = [category for category in item.data['categories'] if category.get('id') != 0]
            note = f'category {names[0]!r} (id 0), which Roboflow adds as the parent of the others, is dropped'
            dropped[split] = Annotations(item.data, item.image_dir, notes=(note,))
        return dropped

    sources = [Source(name, splits, lambda split=splits[0]: annotations()[split]) for splits, name in plan(files)]
    return Layout('Roboflow COCO', sources)


def read_coco(root: Path, name: str, split: str, folders: tuple[str, ...]) -> Annotations:
    """Read the COCO file `name`; its images are in that of `folders` (`{}` = split) where most of them are found."""
    file = root / name
    try:
        data = json.loads(file.read_bytes())
        with file.open('rb') as stream:
            plain = json.detect_encoding(stream.read(4)) == 'utf-8'  # what pycocotools can read: no byte-order mark
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f'{file} is not a readable JSON file: {error}.') from error
    if not isinstance(data, dict):
        raise UserError(f'{file} must hold a COCO object with {", ".join(LISTS)}, but holds a {type(data).__name__}.')
    for key in LISTS:
        if key not in data:
            raise UserError(f'{file} lacks "{key}": a COCO file has {", ".join(LISTS)}.')
        if not isinstance(data[key], list) or not all(isinstance(item, dict) for item in data[key]):
            raise UserError(f'{file}: "{key}" must be a list of objects.')
    candidates = [path for folder in folders if (path := root / folder.format(split)).is_dir()]
    if not candidates:
        places = ' or '.join(f'{folder.format(split)}/' for folder in folders if folder != '.')
        raise UserError(f'The images of {file} are not there: they belong into {places} of {root}.')
    names = [image['file_name'] for image in islice(data['images'], 20) if isinstance(image.get('file_name'), str)]
    image_dir = max(candidates, key=lambda folder: sum((folder / name).is_file() for name in names))
    return Annotations(data, image_dir, file if plain else None)


def _present(root: Path, files: dict[str, str]) -> dict[str, str]:
    return {split: name for split, name in files.items() if (root / name).is_file()}


def _layout(name: str, root: Path, files: dict[str, str], folders: tuple[str, ...]) -> Layout:
    sources = [Source(file, splits, partial(read_coco, root, file, splits[0], folders)) for splits, file in plan(files)]
    return Layout(name, sources)


def _has_dummy(data: dict) -> bool:
    """Roboflow writes the project's name as category 0, the parent of all others, which no box ever has."""
    dummy = [category for category in data['categories'] if category.get('id') == 0]
    others = [category for category in data['categories'] if category.get('id') != 0]
    return (
        len(dummy) == 1
        and bool(others)
        and all(category.get('supercategory') == dummy[0].get('name') for category in others)
        and all(annotation.get('category_id') != 0 for annotation in data['annotations'])
    )
