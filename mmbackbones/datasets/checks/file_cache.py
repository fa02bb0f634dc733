"""Look into every file of a data set once, before training does, and remember what was found in the sound ones."""

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ...errors import UserError
from ...utils.files import write_text
from ...utils.paths import escapes_folder
from ...utils.progress import track

CACHE_VERSION = 2  # of the form of what is remembered; to be raised whenever an `inspect` says something else of a file
SAVE_INTERVAL = 10  # seconds; a check that is killed loses no more than that

# Path -> what is to be known of the file, as integers; or why training could not read it.
Inspect = Callable[[str], tuple[int, ...] | str]


def inspect_files(
    root: Path, folder: Path, names: Sequence[str], source: str, kind: str, inspect: Inspect
) -> list[tuple[int, ...]]:
    """What `inspect` says of each of the files `names` in `folder`.

    A file that was found sound before, and has the same size and time of change, is not looked into again.

    Args:
        root: the data folder, which no name may leave.
        source: what names the files, for errors.
        kind: what a file is called, such as `image`.

    Raises:
        UserError: a name leaves `root`, or files are missing, unreadable, or not regular (reading a pipe would
            never end); the first one, and how many.
    """
    below = os.path.relpath(folder, root)
    for name in names:
        if escapes_folder(os.path.join(below, name)):
            raise UserError(f'{source}: the {kind} file {name!r} is not inside the data folder {root}.')
    states, missing, no_files = {}, [], []
    for name in names:
        try:
            state = os.stat(os.path.join(folder, name))
        except (OSError, ValueError):  # ValueError: a name that no file system can have
            missing.append(name)
            continue
        states[name] = [state.st_size, state.st_mtime_ns]
        if not stat.S_ISREG(state.st_mode):
            no_files.append(name)
    if missing:
        raise UserError(
            f'{source}: the {kind} {missing[0]!r} is not in {folder}; {_share(missing, names, kind)} missing.'
        )
    if no_files:
        raise UserError(
            f'{source}: the {kind} {os.path.join(folder, no_files[0])!r} is not a regular file; '
            f'{_share(no_files, names, kind)} not.'
        )

    cache = _cache_file(folder, kind)
    known = _read_cache(cache)
    unknown = [name for name in states if known.get(name, [])[:2] != states[name]]
    broken = []
    pool = ThreadPoolExecutor()
    kept = time.monotonic()
    try:
        results = pool.map(inspect, (os.path.join(folder, name) for name in unknown))
        for name, result in track(zip(unknown, results, strict=True), len(unknown), f'Checking {kind}s'):
            if isinstance(result, str):
                broken.append((name, result))
            else:
                known[name] = [*states[name], *result]
            if time.monotonic() - kept >= SAVE_INTERVAL:
                _save_cache(cache, known)
                kept = time.monotonic()
    finally:  # an interrupted check stops at once and keeps what it has learnt
        pool.shutdown(cancel_futures=True)
        if unknown:
            _save_cache(cache, known)
    if broken:
        name, reason = broken[0]
        raise UserError(
            f'{source}: the {kind} {os.path.join(folder, name)!r} cannot be read ({reason}); '
            f'{_share([name for name, _ in broken], names, kind)} unreadable.'
        )
    return [tuple(known[name][2:]) for name in names]


def _share(some: Sequence[str], names: Sequence[str], kind: str) -> str:
    return f'{len(some)} of its {len(names)} {kind}s {"is" if len(some) == 1 else "are"}'


def reason(error: Exception) -> str:
    """An exception of a decoder, in one line."""
    return ' '.join(str(error).split()) or type(error).__name__


def _cache_file(folder: Path, kind: str) -> Path:
    home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    key = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:20]
    return Path(home, 'mmbackbones', f'{kind}s-{CACHE_VERSION}-{key}.json')


def _save_cache(file: Path, known: dict[str, list[int]]) -> None:
    with suppress(OSError):  # then the next check decodes again
        write_text(file, json.dumps(known))


def _read_cache(file: Path) -> dict[str, list[int]]:
    """name -> [bytes, time of change in ns, what was found]; whatever is not of this form is forgotten."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    entries = content.items() if isinstance(content, dict) else ()
    return {
        name: entry
        for name, entry in entries
        if isinstance(entry, list) and len(entry) >= 4 and all(type(value) is int for value in entry)
    }
