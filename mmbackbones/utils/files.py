"""Reading and writing text, with the care that a user's files need."""

import os
import stat
from collections.abc import Container
from pathlib import Path

from ..errors import UserError
from .atomic_write import atomic_write


def read_bytes(path: Path) -> bytes:
    """The content of a regular file; anything else, such as a pipe or a device, might never come to an end.

    Raises:
        OSError: it cannot be read, or is not regular.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError('it is not a regular file')
    return path.read_bytes()


def read_text(path: Path) -> str:
    try:
        return read_bytes(path).decode('utf-8-sig')
    except (OSError, ValueError) as error:
        raise UserError(f'{path} is not a readable text file: {error}.') from error


def write_text(path: Path, text: str) -> None:
    """Write whole or not at all, so that neither a kill nor another process leaves half a file to be read."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding='utf-8')


def list_files(folder: Path, suffixes: Container[str]) -> list[str]:
    """Names, relative to `folder`, of the files in it and its subfolders that end in one of `suffixes` (lower case).

    Links are followed, also those that lead nowhere: they are for the reader to complain of. But each folder is listed
    once, under its own name if it lies below `folder`, and links to a parent are not followed. What begins with a dot
    is left out: systems and editors hide files of their own there, such as macOS its `._a.jpg`.
    """
    found, seen = [], {(state.st_dev, state.st_ino) for state in map(os.stat, folder.resolve().parents)}
    places, links = [os.fspath(folder)], []
    while places or links:
        place = places.pop() if places else links.pop(0)
        try:
            state = os.stat(place)
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:  # as os.walk: what cannot be listed holds nothing
            continue
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        for entry in entries:
            if entry.name.startswith('.'):
                continue
            if entry.is_dir():
                (links if entry.is_symlink() else places).append(entry.path)
            elif os.path.splitext(entry.name)[1].lower() in suffixes:
                found.append(os.path.relpath(entry.path, folder).replace(os.sep, '/'))
    return sorted(found)
