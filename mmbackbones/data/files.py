"""Reading and writing text, with the care that a user's files need."""

import os
from collections.abc import Container
from pathlib import Path

from ..errors import UserError
from ..whole_file import whole_file


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8-sig')
    except (OSError, ValueError) as error:
        raise UserError(f'{path} is not a readable text file: {error}.') from error


def write_text(path: Path, text: str) -> None:
    """Write whole or not at all, so that neither a kill nor another process leaves half a file to be read."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding='utf-8')


def list_files(folder: Path, suffixes: Container[str]) -> list[str]:
    """Names, relative to `folder`, of the files in it and its subfolders that end in one of `suffixes` (lower case).

    Links are followed, also those that lead nowhere: they are for the reader to complain of. What begins with a dot is
    left out: systems and editors hide files of their own there, such as macOS its `._a.jpg`.
    """
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith('.')]
        found += [
            os.path.relpath(os.path.join(place, name), folder).replace(os.sep, '/')
            for name in names
            if os.path.splitext(name)[1].lower() in suffixes and not name.startswith('.')
        ]
    return sorted(found)


def leaves(path: str) -> bool:
    """Whether a path meant to lie below a folder points out of it; by its letters alone: links are the user's right."""
    normal = os.path.normpath(path)
    return os.path.isabs(normal) or normal.split(os.sep)[0] == os.pardir
