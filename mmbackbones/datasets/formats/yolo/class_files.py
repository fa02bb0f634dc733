"""Class names of YOLO data sets in a text file: `classes.txt`, `obj.names`, `_darknet.labels`."""

import re
from pathlib import Path
from typing import Any

from ....errors import UserError
from ....utils.files import read_text
from ..folder import Folder
from .label_files import CLASS_FILES

MAX_BYTES = 4 << 20  # 20,000 names have far fewer


def find_class_files(folder: Folder) -> list[str]:
    """Files with class names: in the folder, or among images or label files in its subfolders."""
    outer = folder.folders()
    places = ['', *outer, *(inner for place in outer for inner in folder.folders(place))]
    usual = (f'{place}/{name}'.lstrip('/') for place in places for name in CLASS_FILES)
    return list(dict.fromkeys([*filter(folder.has_file, usual), *folder.files('', '*.names')]))


def read_class_files(folder: Folder, names: list[str]) -> list[dict[str, Any]]:
    """The classes that files name; a list may be longer than another, as labelImg adds classes to it.

    Raises:
        UserError: A file is malformed, or two of them number classes differently.
    """
    lists = {name: read_names(folder / name) for name in names}
    longest = max(lists, key=lambda name: len(lists[name]))
    for name, found in lists.items():
        if found != lists[longest][: len(found)]:
            raise UserError(
                f'{folder / name} and {longest} number classes differently: {folder.root} needs one list of classes, '
                'by which all label files are numbered'
            )
    return to_categories(lists[longest])


def read_names(file: Path) -> list[str]:
    """The names in a file, one per line.

    Raises:
        UserError: It is unreadable, or a name is missing.
    """
    text = read_text(file) if not file.is_file() or file.stat().st_size <= MAX_BYTES else ''
    names = [line.strip() for line in re.split('\r\n|\n|\r', text.rstrip())]  # `splitlines` splits at others as well
    if '' in names:
        raise UserError(
            f'{file} must name a class in each line, but line {names.index("") + 1} is empty'
            if text
            else f'{file} is too large for a list of class names'
        )
    return names


def to_categories(names: list[str]) -> list[dict[str, Any]]:
    """Classes in COCO's form; a label file has the index of one in its list."""
    return [{'id': number, 'name': name} for number, name in enumerate(names)]
