"""What a JSON file is, told by its first and last bytes, because it may have hundreds of megabytes."""

import re
from pathlib import Path
from typing import Literal

from ...utils.files import is_regular

MAX_READ = 1 << 16  # bytes at each end
_COCO = re.compile(rb'"(images|annotations|categories)"\s*:\s*(\[|null)')
_ANNOTATION = re.compile(rb'"image_id"\s*:')
_LABELME = re.compile(rb'"shapes"\s*:\s*\[')
_BYTE_ORDER_MARKS = b'\xef\xbb\xbf', b'\xff\xfe', b'\xfe\xff'

JsonKind = Literal['COCO', 'labelme']


def json_kind(file: Path) -> JsonKind | None:
    """Whether a JSON file looks like COCO's or like labelme's; None if like neither, or if it cannot be read."""
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
    if not text.startswith(b'{'):
        return None
    if _LABELME.search(text):
        return 'labelme'
    return 'COCO' if _is_coco(text, whole) else None


def _is_coco(text: bytes, whole: bool) -> bool:
    """Other files have one of COCO's keys, too: the number of those is told only by a file that was read as a whole."""
    keys = {match[1] for match in _COCO.finditer(text)}
    if whole:
        return len(keys) > 1
    return bool(keys - {b'annotations'} or (keys and _ANNOTATION.search(text)))
