"""What a JSON file is, told by its first and last bytes, because it may have hundreds of megabytes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ...utils.files import is_regular
from .folder import Folder

MAX_READ = 1 << 16  # bytes at each end
# How much is looked into for a file of a kind.
MAX_FOLDERS = 300
MAX_SUBFOLDERS = 50  # of each of them
MAX_FILES = 3  # of each of them
_COCO = re.compile(rb'"(images|annotations|categories)"\s*:\s*(\[|null)')
_ANNOTATION = re.compile(rb'"image_id"\s*:')
_BYTE_ORDER_MARKS = b'\xef\xbb\xbf', b'\xff\xfe', b'\xfe\xff'

# The first that fits; COCO's files come last, since the entries of many have "annotations", as theirs do.
JsonKind = Literal['Label Studio', 'Supervisely', 'Labelbox', 'Datumaro', 'ISAT', 'VIA', 'labelme', 'CreateML', 'COCO']
_SIGNS: dict[JsonKind, bytes] = {
    'Label Studio': rb'"(completed_by|(rectangle|polygon|brush)labels)"\s*:',
    'Supervisely': rb'"(classTitle|geometryType)"\s*:',
    'Labelbox': rb'"(data_row|Labeled Data)"\s*:',
    'Datumaro': rb'"categories"\s*:\s*\{\s*"',
    'ISAT': rb'"description"\s*:\s*"ISAT"',
    'VIA': rb'"(_via_img_metadata|region_attributes|shape_attributes)"\s*:',
    'labelme': rb'"shapes"\s*:\s*\[|"imageData"\s*:',
    'CreateML': rb'\A\[(?s:.*)"annotations?"\s*:\s*\[',
}
_PATTERNS = {kind: re.compile(_SIGNS[kind]) for kind in _SIGNS}


def json_kind(file: Path) -> JsonKind | None:
    """What a JSON file looks like; None if like nothing that is known, or if it cannot be read."""
    try:
        if not is_regular(file):
            return None
        with file.open('rb') as stream:
            text = stream.read(MAX_READ)
            whole = len(text) < MAX_READ
            stream.seek(0, 2)
            stream.seek(max(stream.tell() - MAX_READ, len(text)))
            text += stream.read(MAX_READ)
    except OSError:
        return None
    for mark in _BYTE_ORDER_MARKS:
        text = text.removeprefix(mark)
    text = text.replace(b'\0', b'').lstrip()  # of UTF-16
    kind = next((kind for kind, pattern in _PATTERNS.items() if pattern.search(text)), None)
    return kind or ('COCO' if text.startswith(b'{') and _is_coco(text, whole) else None)


def find_kinds(folder: Folder, pattern: str = '*.json') -> Iterator[tuple[str, JsonKind | None]]:
    """Some JSON files in a folder and its subfolders, nearest to the top first, each with what it looks like.

    Args:
        folder: The folder.
        pattern: Shell pattern of the names.
    """
    places = ['']
    for place in places:  # which grows
        for file in folder.files(place, pattern)[:MAX_FILES]:
            yield file, json_kind(folder / file)
        places += folder.folders(place)[: min(MAX_SUBFOLDERS, MAX_FOLDERS - len(places))]


def _is_coco(text: bytes, whole: bool) -> bool:
    """Other files have one of COCO's keys, too: the number of those is told only by a file that was read as a whole."""
    keys = {match[1] for match in _COCO.finditer(text)}
    if whole:
        return len(keys) > 1
    return bool(keys - {b'annotations'} or (keys and _ANNOTATION.search(text)))
