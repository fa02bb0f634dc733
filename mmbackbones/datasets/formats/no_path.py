"""What is said of a path that leads nowhere."""

import os
import re
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from ...errors import printable


def explain_missing(path: Path) -> str:
    """Why `path` is neither a folder nor a file, and which is meant perhaps."""
    if os.path.lexists(path):
        return f'{path} is neither a folder nor a file'
    return f'{path} does not exist{similar(path)}'


def explain_foreign(path: Path) -> str | None:
    """What to do with what is no path of this system: an address, or a path of Windows elsewhere."""
    if os.path.lexists(path):
        return None
    text = path.as_posix()
    if url := re.search(r'\b(https?|ftp|s3|gs):/+(.+)', text):
        return f'{url[1]}://{printable(url[2])} is an address: download it, unpack it, and name the folder'
    if os.name == 'posix' and (drive := re.search(r'(?:^|/)(([A-Za-z]):([\\/].*|$))', text)):
        inside = drive[3].replace('\\', '/')
        return (
            f'{printable(drive[1])} is a path of Windows, which this system does not know: name the folder as this '
            f'system does (WSL: /mnt/{drive[2].lower()}{printable(inside)})'
        )
    return None


def similar(path: Path, *known: str) -> str:
    """The end of a sentence on a missing path: one of a similar name, if there is one.

    Args:
        path: The path.
        known: Words that may be given in place of a path.
    """
    if close := get_close_matches(str(path), known, n=1, cutoff=0.75):
        return f'; did you mean {close[0]}?'
    with suppress(OSError, ValueError), os.scandir(path.parent) as entries:
        names = [entry.name for entry in islice(entries, 1000) if not os.path.lexists(path)]
        if close := get_close_matches(path.name, names, n=1, cutoff=0.75):
            return f'; did you mean {path.parent / printable(close[0])}?'
    return ''
