"""The four layouts that hold COCO files already."""

import codecs
import json
import locale
import os
from contextlib import suppress
from functools import cache, partial
from itertools import islice
from pathlib import Path

from ...errors import UserError
from ...utils.files import read_bytes, written_here
from ...utils.text import short
from ..checks.annotations import NoAnnotationsError
from .base import Annotations, Layout, Source, plan
from .split_names import NAMES, describe_unused, find_splits, split_of

LISTS = ('images', 'annotations', 'categories')
# COCO's own files of other tasks, which often lie beside those of boxes.
KEYPOINTS = 'person_keypoints_'  # with the boxes of the persons
OTHER_TASKS = ('captions_', 'image_info_', 'panoptic_', KEYPOINTS, 'stuff_')


def coco_2017(root: Path) -> Layout | None:
    files = {split: f'annotations/instances_{split}2017.json' for split in NAMES}
    there = json_files(root)
    files = {split: name for split, name in files.items() if name in there}
    alone = not there.difference(files.values())
    if {'train', 'val'} <= files.keys() or (alone and any((root / f'{split}2017').is_dir() for split in files)):
        return _layout('COCO 2017', root, files, ('{}2017', 'images/{}2017'))
    return None


def plain_coco(root: Path) -> Layout | None:
    stems = {Path(name).stem for name in json_files(root)}
    files = {split: f'annotations/{stem}.json' for split, stem in find_splits(stems, f'{root}/annotations').items()}
    # A train.json alone is the layout "one file", and so is any file that is not just called val or test.
    if len(files) > 1 or {'val', 'test'} & {Path(name).stem for name in files.values()}:
        return _layout('plain COCO', root, files, ('images', '{}', 'images/{}', '.'))
    return None


def one_file(root: Path) -> Layout | None:
    files = sorted(json_files(root))
    if len(files) != 1:
        files = [name for name in ['trainval.json'] if (root / name).is_file()]
    if files and (root / 'images').is_dir():
        return _layout('one COCO file', root, {'train': files[0]}, ('images', '.'))
    return None


def roboflow(root: Path) -> Layout | None:
    folders = {path.parent.name for path in root.glob('*/_annotations.coco.json')}
    found = find_splits(filter(split_of, folders), str(root))
    if not found:
        return None
    files = {split: f'{folder}/_annotations.coco.json' for split, folder in found.items()}

    @cache
    def read(split: str) -> Annotations:
        return read_coco(root, files[split], split, (found[split],))

    @cache
    def all_have_dummy() -> bool:  # whether a category is empty is to be seen in all files only
        read_ones = []
        for split in files:
            with suppress(NoAnnotationsError):
                read_ones.append(read(split))
        return all(_has_dummy(item.data) for item in read_ones)

    def read_without_dummy(split: str) -> Annotations:
        item = read(split)
        if not all_have_dummy():
            return item
        name = next(category['name'] for category in item.data['categories'] if category.get('id') == 0)
        kept = [category for category in item.data['categories'] if category.get('id') != 0]
        note = f'category {short(name)} (id 0), which Roboflow adds as the parent of the others, is dropped'
        return Annotations(item.data | {'categories': kept}, item.image_dir, notes=(note,))

    unused = [f'{folder}/_annotations.coco.json' for folder in folders.difference(found.values())]
    sources = [Source(name, splits, partial(read_without_dummy, splits[0])) for splits, name in plan(files)]
    return Layout('Roboflow COCO', sources, notes=describe_unused(unused, root))


def read_coco(root: Path, name: str, split: str, folders: tuple[str, ...]) -> Annotations:
    """Read the COCO file `name`; its images are in that of `folders` (`{}` = split) where most of them are found."""
    file = root / name
    try:
        content = read_bytes(file)
        data = json.loads(content)
        plain = json.detect_encoding(content) == 'utf-8' and (content.isascii() or _reads_utf8())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f'{file} is not a readable JSON file: {error}.') from error
    if not isinstance(data, dict):
        raise UserError(f'{file} must hold a COCO object with {", ".join(LISTS)}, but holds a {type(data).__name__}.')
    for key in LISTS:
        if data.get(key) is None:
            kind = NoAnnotationsError if key == 'annotations' else UserError
            raise kind(f'{file} lacks "{key}": a COCO file has {", ".join(LISTS)}.')
        if not isinstance(data[key], list) or not all(isinstance(item, dict) for item in data[key]):
            raise UserError(f'{file}: "{key}" must be a list of objects.')
    called = dict.fromkeys([split, *NAMES[split], file.stem.removeprefix('instances_').removeprefix(KEYPOINTS)])
    places = dict.fromkeys(folder.format(each) for folder in folders for each in called)
    candidates = [path for place in places if (path := root / place).is_dir()]
    if not candidates:
        texts = ' or '.join(f'{folder.format(split)}/' for folder in folders if folder != '.')
        raise UserError(f'The images of {file} are not there: they belong into {texts} of {root}.')
    names = [image['file_name'] for image in islice(data['images'], 20) if isinstance(image.get('file_name'), str)]
    image_dir = max(candidates, key=lambda folder: sum(_is_there(folder, name) for name in names))
    return Annotations(data, image_dir, file if plain else None)


def _reads_utf8() -> bool:
    """Whether pycocotools, which opens files in the system's encoding, reads names that are not ASCII as they are."""
    return codecs.lookup(locale.getpreferredencoding(False)).name == 'utf-8'


def _is_there(folder: Path, name: str) -> bool:
    return os.path.exists(folder / written_here(folder, name))


def json_files(root: Path) -> set[str]:
    """The files that may hold boxes, below `root`; also those that cannot be read, which is to be said."""
    names = {
        path.name for path in root.glob('annotations/*.json') if not path.name.startswith('.') and not path.is_dir()
    }  # macOS leaves its ._train.json
    boxes = {name for name in names if not name.startswith(OTHER_TASKS)}
    boxes = boxes or {name for name in names if name.startswith(KEYPOINTS)}
    return {f'annotations/{name}' for name in boxes}


def _layout(name: str, root: Path, files: dict[str, str], folders: tuple[str, ...]) -> Layout:
    sources = [Source(file, splits, partial(read_coco, root, file, splits[0], folders)) for splits, file in plan(files)]
    others = json_files(root) | {path.name for path in root.glob('*.json') if split_of(path.stem)}
    return Layout(name, sources, notes=describe_unused(others.difference(files.values()), root))


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
