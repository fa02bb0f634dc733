"""Output folders."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from ..errors import UserError


def require_writable(folder: str | Path, option: str) -> None:
    """Make `folder` if need be and write to it once, so that hours of work are not lost to a folder without access.

    Args:
        folder: The folder.
        option: The option that names it, for messages.

    Raises:
        UserError: The folder cannot be made or written to.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f'{option}: cannot write to {str(folder)!r}: {error.strerror or error}; name another folder'
        ) from error


def require_new(folder: Path, option: str) -> None:
    """Raise UserError unless a folder can be made, or is empty.

    Args:
        folder: An absolute path.
        option: The option that names it, for messages.
    """
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        what = 'is not empty' if folder.is_dir() else 'is there already and is no folder'
        raise UserError(f'{option}: {folder} {what}: name a new folder')
    parent = next(parent for parent in folder.parents if parent.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UserError(f'{option}: cannot write to {parent}: name another folder')


@contextmanager
def new_folder(path: Path, option: str) -> Iterator[Path]:
    """Yield an empty folder beside `path`, which takes its place if the block succeeds and else is removed.

    Args:
        path: An absolute path where there is nothing, or an empty folder.
        option: The option that names it, for messages.

    Raises:
        UserError: There is something else, or the folder or its files cannot be written.
    """
    require_new(path, option)
    partial = path.with_name(f'.{path.name}.{uuid4().hex}.partial')
    try:
        partial.mkdir(parents=True)
        yield partial
        if path.is_dir():
            path.rmdir()
        partial.rename(path)
    except OSError as error:
        raise UserError(f'{option}: cannot write to {path}: {error.strerror or error}; name another folder') from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
