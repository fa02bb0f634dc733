"""Reading, writing and listing files, with the care that users' files need."""

import errno
import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Container
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from ..errors import UserError
from .atomic_write import atomic_write

MAX_BYTES = 4 << 30  # of a file that is read as a whole, into memory
MAX_TEXT_BYTES = 256 << 20  # of a text file, which needs several times as much: a list of a million images has 50 MiB

_NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_Given = ParamSpec('_Given')
_Result = TypeVar('_Result')


def reads_users_files(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """A function of a data folder that raises UserError where a file in it has vanished, or may not be read."""

    @wraps(function)
    def wrapped(*args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        try:
            return function(*args, **kwargs)
        except OSError as error:
            if error.filename is None or error.errno in _NOT_WRITTEN:
                raise
            raise UserError(f'{error.filename} cannot be read: {error.strerror}') from error

    return wrapped


def is_regular(path: Path) -> bool:
    """Whether a path leads to a regular file; reading anything else, such as a pipe or a device, might never end.

    Raises:
        OSError: There is nothing, or it may not be looked at.
    """
    return stat.S_ISREG(path.stat().st_mode)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is a folder, or a link to one; links that lead nowhere, or in a circle, are not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def read_bytes(path: Path, most: int = MAX_BYTES) -> bytes:
    """Read a regular file.

    Args:
        path: The file.
        most: Bytes that it may have.

    Raises:
        OSError: It cannot be read, is not a regular file, or too large.
    """
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):
        raise OSError('it is not a regular file')
    if state.st_size > most:
        raise OSError(f'it has {state.st_size:,} bytes, but at most {most >> 20} MiB are read')
    return path.read_bytes()


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    Raises:
        UserError: It cannot be read, is not text, or too large for a list of names or numbers.
    """
    try:
        return read_bytes(path, MAX_TEXT_BYTES).decode('utf-8-sig')
    except (OSError, ValueError) as error:
        raise UserError(f'{path} is not a readable text file: {error}') from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 atomically, making its folder if need be."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding='utf-8')


def list_files(folder: Path, suffixes: Container[str], closed: list[str] | None = None) -> list[str]:
    """List the files in a folder and its subfolders.

    Follows symlinks; broken ones are listed, to be reported by the reader. Each folder is listed once, under its own
    name if it is in `folder`, and links to a parent are not followed. Names that begin with a dot are left out: systems
    and editors hide files of their own there, such as macOS its `._a.jpg`.

    Args:
        folder: The folder; one that does not exist holds no files.
        suffixes: Suffixes of the files to list, in lower case with their dot; those of the files may be in any case.
        closed: Gets the paths of the folders that may not be listed; what they hold is left out.

    Returns:
        Paths relative to `folder`, with slashes, sorted.
    """
    kinds = group_files(folder, closed)
    return sorted(name for suffix, names in kinds.items() if suffix in suffixes for name in names)


def group_files(folder: Path, closed: list[str] | None = None) -> dict[str, list[str]]:
    """The files that :func:`list_files` lists, by their suffix in lower case with its dot; ``''`` for those without."""
    found = defaultdict[str, list[str]](list)
    if not folder.is_dir():
        return found
    seen = {(state.st_dev, state.st_ino) for state in map(os.stat, folder.resolve().parents)}
    folders, links = [''], list[str]()  # relative to `folder`, with a slash at the end
    while folders or links:
        inside = folders.pop() if folders else links.pop(0)
        place = os.path.join(folder, inside)
        try:
            state = os.stat(place)
            entries = list(os.scandir(place))
        except OSError as error:  # like os.walk: what cannot be listed holds nothing
            if closed is not None and isinstance(error, PermissionError):
                closed.append(os.path.normpath(place))
            continue
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        inner = list[os.DirEntry[str]]()
        for entry in entries:
            name = entry.name
            if name[0] == '.':
                continue
            if is_folder(entry):
                inner.append(entry)
            else:
                _, dot, suffix = name.rpartition('.')
                found[dot + suffix.lower() if dot else ''].append(inside + name)
        for entry in sorted(inner, key=lambda entry: entry.name):
            (links if entry.is_symlink() else folders).append(f'{inside}{entry.name}/')
    return found
