"""Atomic file writes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from typing import IO
from uuid import uuid4

from ..errors import STORAGE_FAULTS

if sys.platform != 'win32':  # where an open file cannot be removed
    import fcntl

_SUFFIX = '.unfinished.partial'
_LONGEST_NAME = 255  # bytes, in most file systems
_ABANDONED = 3600  # seconds without a write after which another program's partial file, which has no lock, is removed


@contextmanager
def atomic_write(path: Path, make_folder: bool = True) -> Iterator[Path]:
    """Yield an empty file beside `path` to write to, which replaces `path` if the block succeeds and else is removed.

    The file is locked meanwhile. The lock ends with the process, however that ends, so that :func:`remove_partials` can
    tell which files were left by a process that was killed.

    Args:
        path: The finished file.
        make_folder: Whether to make its folder; else one that is gone, maybe with its disk, is an error.

    Raises:
        OSError: The folder cannot be made or written to, or the file cannot be written, which the error names.
    """
    if make_folder:
        path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(_partial_name(path.name))
    file = None
    try:
        file = _open_locked(partial)
        yield partial
        os.replace(partial, path)
    except OSError as error:
        if str(error.filename) == str(partial) or (error.filename is None and error.errno in STORAGE_FAULTS):
            error.filename = str(path)
            del error.filename2  # its message would name None
        raise
    finally:
        if file is not None:
            file.close()
        with suppress(OSError):  # such as that of a disk that became read-only, which would hide the error itself
            partial.unlink()


def _partial_name(name: str) -> str:
    """A name that no other file has, with what fits of the name of the finished file."""
    unique = f'.{uuid4().hex}{_SUFFIX}'
    if len(os.fsencode(name)) + len(unique) > _LONGEST_NAME:
        name = os.fsencode(name)[: _LONGEST_NAME - len(unique)].decode(errors='ignore')
    return name + unique


def _open_locked(path: Path) -> IO[bytes]:
    while True:
        file = open(path, 'wb')  # noqa: SIM115, it stays open for as long as the lock is held
        if sys.platform == 'win32':
            file.close()
            return file
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():  # else it was removed as a leftover just before the lock
            return file
        file.close()


def remove_partials(folder: Path, names: str = '*') -> None:
    """Remove unfinished files that killed processes left in `folder`.

    Args:
        folder: The folder; subfolders are not searched.
        names: Pattern of the names that the finished files were to have.
    """
    for path in folder.glob(f'{names}.partial'):
        with suppress(OSError):  # removed meanwhile, another user's, or still open
            if path.name.endswith(_SUFFIX) and sys.platform != 'win32':
                with open(path, 'rb') as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
            elif time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()
