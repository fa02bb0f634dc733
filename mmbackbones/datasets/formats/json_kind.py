"""What a JSON file is, told by its first and last bytes, because it may have hundreds of megabytes."""

import re
from pathlib import Path
from typing import Literal

from ...utils.files import is_regular

MAX_READ = 1 << 16  # bytes at each end
_COCO = re.compile(rb'"(images|annotations|categories)"\s*:\s*(\[|null)')
_LABELME = re.compile(rb'"shapes"\s*:\s*\[')

JsonKind = Literal['COCO', 'labelme']


def json_kind(file: Path) -> JsonKind | None:
    """Whether a JSON file looks like COCO's or like labelme's; None if like neither, or if it cannot be read."""
    try:
        if not is_regular(file):
            return None
        with file.open('rb') as stream:
            text = stream.read(MAX_READ)
            stream.seek(0, 2)
            stream.seek(max(stream.tell() - MAX_READ, len(text)))
            text += stream.read(MAX_READ)
    except OSError:
        return None
    if _LABELME.search(text):
        return 'labelme'
    return 'COCO' if _COCO.search(text) else None
