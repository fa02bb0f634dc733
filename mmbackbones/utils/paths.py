"""Paths that come from users and their files."""

import os
from pathlib import Path

from ..errors import UserError


def absolute(path: str | os.PathLike[str]) -> Path:
    """An absolute path without ``..``; where there is one, symlinks are resolved first, as the file system does."""
    return Path(path).resolve() if os.pardir in Path(path).parts else Path(os.path.abspath(path))


def shown_path(path: str | os.PathLike[str]) -> str:
    """A path as people read and type it: relative to the current folder if it is in there, else absolute."""
    whole = absolute(path)
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)


def escapes_folder(path: str) -> bool:
    """Whether a path relative to a folder points out of it; checked lexically, symlinks are allowed."""
    normal = os.path.normpath(path)
    return os.path.isabs(normal) or normal.split(os.sep)[0] == os.pardir


def normalize_separators(folder: Path, name: str) -> str:
    """`name` with slashes for the backslashes of Windows, unless `folder` holds a file whose name has backslashes.

    Args:
        folder: Folder that `name` is relative to.
        name: Path as it is written in a user's file.
    """
    if '\\' not in name:
        return name
    try:
        exists = os.path.lexists(folder / name)
    except ValueError:  # a name that no file system can have
        exists = False
    return name if exists else name.replace('\\', '/')


def path_text(name: str, path: str | os.PathLike[str] | None) -> str | None:
    """The text of an optional path argument; None if it was left out.

    Raises:
        UserError: It is empty, such as an unset shell variable, which must not pass for one that was left out.
    """
    text = None if path is None else os.fspath(path)
    if text == '':
        raise UserError(f'{name} is empty: give a value or leave it out')
    return text
