"""COCO files in a folder: which there are, and what is in them."""

import codecs
import json
import locale
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...utils.files import read_bytes
from ...utils.paths import normalize_separators
from ..checks.annotations import NoAnnotationsError
from .base import Annotations
from .split_names import NAMES

LISTS = ('images', 'annotations', 'categories')
# COCO's own files for other tasks, which often lie beside those with boxes.
KEYPOINTS = 'person_keypoints_'  # with a box for each person
OTHER_TASKS = ('captions_', 'image_info_', 'panoptic_', KEYPOINTS, 'stuff_')


def list_annotation_files(root: Path) -> set[str]:
    """Paths, relative to `root`, of the JSON files in ``annotations/`` that may hold boxes.

    Files that cannot be read are among them, because their reader says so.
    """
    names = {
        path.name for path in root.glob('annotations/*.json') if not path.name.startswith('.') and not path.is_dir()
    }  # macOS leaves its ._train.json
    boxes = {name for name in names if not name.startswith(OTHER_TASKS)}
    boxes = boxes or {name for name in names if name.startswith(KEYPOINTS)}
    return {f'annotations/{name}' for name in boxes}


def read_coco(root: Path, name: str, split: str, folders: Iterable[str]) -> Annotations:
    """Read a COCO file.

    Args:
        root: The data folder.
        name: Path of the file, relative to `root`.
        split: The split that it holds.
        folders: Where its images may be, relative to `root`, ``{}`` standing for the name of the split. The folder with
            most of the first images is taken.

    Raises:
        NoAnnotationsError: It has no list of annotations.
        UserError: It is no COCO file, or none of `folders` is there.
    """
    file = root / name
    try:
        content = read_bytes(file)
        data = json.loads(content)
        plain = json.detect_encoding(content) == 'utf-8' and (content.isascii() or _reads_utf8())
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f'{file} is not a readable JSON file: {error}') from error
    if not isinstance(data, dict):
        raise UserError(f'{file} must hold a COCO object with {", ".join(LISTS)}, but holds a {type(data).__name__}')
    for key in LISTS:
        if data.get(key) is None:
            kind = NoAnnotationsError if key == 'annotations' else UserError
            raise kind(f'{file} lacks "{key}": a COCO file has {", ".join(LISTS)}')
        if not isinstance(data[key], list) or not all(isinstance(item, dict) for item in data[key]):
            raise UserError(f'{file}: "{key}" must be a list of objects')
    return Annotations(data, _find_images(root, file, data, split, folders), file if plain else None)


def _find_images(
    root: Path, file: Path, data: dict[str, list[dict[str, Any]]], split: str, folders: Iterable[str]
) -> Path:
    folders = tuple(folders)
    usual = dict.fromkeys([split, *NAMES[split], file.stem.removeprefix('instances_').removeprefix(KEYPOINTS)])
    places = dict.fromkeys(folder.format(name) for folder in folders for name in usual)
    candidates = [path for place in places if (path := root / place).is_dir()]
    if not candidates:
        expected = ' or '.join(f'{folder.format(split)}/' for folder in folders if folder != '.')
        raise UserError(f'the images of {file} are missing: put them into {expected} of {root}')
    names = [image['file_name'] for image in islice(data['images'], 20) if isinstance(image.get('file_name'), str)]
    return max(candidates, key=lambda folder: sum(_exists(folder, name) for name in names))


def _exists(folder: Path, name: str) -> bool:
    return os.path.exists(folder / normalize_separators(folder, name))


def _reads_utf8() -> bool:
    """Whether pycocotools, which opens files in the system's encoding, reads names that are not ASCII as they are."""
    return codecs.lookup(locale.getpreferredencoding(False)).name == 'utf-8'
