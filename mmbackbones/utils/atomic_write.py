"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from uuid import uuid4

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, where a file that is open cannot be removed
    flock = None

_SUFFIX = '.unfinished.partial'
_ABANDONED = 3600  # seconds without a byte, after which another program's partial file, without a lock, is a leftover


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """An empty file beside `path` to write to. It becomes `path` if the block ends well; else nothing is left of it.

    It is locked meanwhile. The lock ends with the process, however that ends, so :func:`remove_partials` can tell what
    a killed one left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'{path.name}.{uuid4().hex}{_SUFFIX}')
    file = _open_locked(partial)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        file.close()
        partial.unlink(missing_ok=True)


def _open_locked(path: Path):
    while True:
        file = open(path, 'wb')  # noqa: SIM115, it stays open for as long as the lock is held
        if not flock:
            file.close()
            return file
        with suppress(OSError):  # a file system without locks
            flock(file, LOCK_EX)
        if path.exists():  # else it was taken for a leftover in the moment before the lock
            return file
        file.close()


def remove_partials(folder: Path, names: str = '*') -> None:
    """Remove what killed processes left in `folder`: unfinished files of such names that nobody writes to any more."""
    for path in folder.glob(f'{names}.partial'):
        with suppress(OSError):  # gone meanwhile, another user's, or still open
            if path.name.endswith(_SUFFIX) and flock:
                with open(path, 'rb') as file:
                    flock(file, LOCK_EX | LOCK_NB)
                    path.unlink()
            elif time() - path.stat().st_mtime > _ABANDONED:
                path.unlink()
