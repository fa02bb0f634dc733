"""COCO files in a folder: which there are, and what is in them."""

import codecs
import json
import locale
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ....errors import UserError, printable
from ....utils.files import read_bytes
from ....utils.json_text import parse_json
from ....utils.text import short
from ...checks.annotations import NoAnnotationsError
from ..base import Annotations
from ..folder import Folder
from ..json_kind import json_kind
from ..split_names import NAMES
from .images import locate_images

LISTS = ('images', 'annotations', 'categories')
# COCO's own files for other tasks, which often lie beside those with boxes.
KEYPOINTS = 'person_keypoints_'  # with a box for each person
OTHER_TASKS = ('captions_', 'image_info_', 'panoptic_', KEYPOINTS, 'stuff_')
PREFIXES = ('instances_', KEYPOINTS)
# Name of a tool's file -> how its images are exported, too.
_EXPORTS = {
    'instances_default.json': 'CVAT exports them if "Save images" is chosen',
    'result.json': 'Label Studio exports them as "COCO with Images"',
}
# Key of an annotation without a box -> what it is.
_OTHER_CONTENT = {'caption': 'captions', 'segments_info': 'panoptic segments', 'keypoints': 'keypoints without boxes'}


def list_annotation_files(folder: Folder, place: str = 'annotations') -> list[str]:
    """Paths of the JSON files in a folder that may hold boxes, sorted.

    Files that cannot be read are among them, because their reader says so. A folder of another tool's files has none.
    """
    files = folder.files(place, '*.json')
    if files and all(json_kind(folder / files[n]) not in ('COCO', None) for n in (0, len(files) // 2, -1)):
        return []
    boxes = [file for file in files if not Path(file).name.startswith(OTHER_TASKS)]
    return boxes or [file for file in files if Path(file).name.startswith(KEYPOINTS)]


def read_coco(folder: Folder, name: str, split: str, places: Iterable[str], alone: bool = False) -> Annotations:
    """Read a COCO file.

    Args:
        folder: The data folder.
        name: Path of the file.
        split: The split that it holds.
        places: Folders where its images may be, ``{}`` standing for the name of the split. The one with most of the
            images is taken.
        alone: Whether it is the only COCO file of the data.

    Raises:
        NoAnnotationsError: It has no list of annotations.
        UserError: It is no COCO file, or is one without boxes; its images are not there.
    """
    file = folder / name
    try:
        content, plain = _decode(read_bytes(file))
        data = parse_json(content)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f'{file} is not a readable JSON file: {error}') from error
    del content
    if not isinstance(data, dict):
        raise UserError(f'{file} must hold a COCO object with {", ".join(LISTS)}, but holds a {type(data).__name__}')
    for key in LISTS:
        if data.get(key) is None:
            if key == 'categories' and (what := _describe_other_content(data['annotations'])):
                raise UserError(f'{file} holds {what}, but a detector needs boxes')
            kind = NoAnnotationsError if key == 'annotations' else UserError
            raise kind(f'{file} lacks "{key}": a COCO file has {", ".join(LISTS)}')
        if not isinstance(data[key], list) or not all(isinstance(item, dict) for item in data[key]):
            raise UserError(f'{file}: "{key}" must be a list of objects')
    if what := _describe_other_content(data['annotations']):
        raise UserError(f'{file} holds {what}, but a detector needs boxes')
    return _find_images(folder, name, data, split, places, alone, file if plain else None)


def _decode(content: bytes) -> tuple[str, bool]:
    """The text of a JSON file, and whether pycocotools, which opens files in the system's encoding, reads the same."""
    encoding = json.detect_encoding(content)
    plain = encoding == 'utf-8' and (content.isascii() or _reads_utf8())
    return content.decode(encoding, 'surrogatepass'), plain


def _describe_other_content(annotations: Sequence[dict[str, Any]]) -> str | None:
    """What annotations hold if none of them has a box or a mask."""
    if any('bbox' in item or 'segmentation' in item for item in annotations):
        return None
    return next((what for key, what in _OTHER_CONTENT.items() if any(key in item for item in annotations)), None)


def _find_images(
    folder: Folder,
    name: str,
    data: dict[str, list[dict[str, Any]]],
    split: str,
    places: Iterable[str],
    alone: bool,
    file: Path | None,
) -> Annotations:
    places = tuple(places)
    stem = Path(name).stem
    usual = dict.fromkeys([split, *NAMES[split], *(stem.removeprefix(prefix) for prefix in PREFIXES)])
    images = [image for image in data['images'] if isinstance(image.get('file_name'), str)]
    names = [image['file_name'] for image in images]
    candidates = [place.format(text) for place in places for text in usual]
    found = locate_images(folder, name, split, names, candidates, alone)
    if found is None:
        expected = ' or '.join([f'{place.format(split)}/' for place in places if place != '.'][:2])
        export = _EXPORTS.get(Path(name).name, '')
        raise UserError(
            f'the images of {folder / name} are missing: put them into {expected} of {folder.root}'
            + f' ({export})' * bool(export)
            + f'; they are called {", ".join([*map(printable, names[:3]), "..."][: len(names)])}' * bool(names)
        )
    notes = []
    if found.names is not None:
        given, there = next(iter(found.names.items()))
        notes.append(f'{name}: images are found by the ends of their names, such as {there} for {short(given)}')
        for image in images:
            image['file_name'] = found.names[image['file_name']]
        file = None
    return Annotations(data, folder / found.folder, file, notes=tuple(notes))


def _reads_utf8() -> bool:
    return codecs.lookup(locale.getpreferredencoding(False)).name == 'utf-8'
