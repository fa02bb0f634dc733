"""Inspection of every file of a data set, once: the results for valid files are cached."""

import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ...errors import UserError
from ...utils.files import write_text
from ...utils.paths import escapes_folder
from ...utils.progress import track
from ...utils.text import advise_on_missing
from .findings import current_findings

CACHE_VERSION = 3  # raise it when the form of the cache changes, or what an `inspect` says of a file
SAVE_INTERVAL = 10  # seconds; the most that a check loses when it is killed
_STATE = 2  # integers at the start of each cached entry: size in bytes, time of modification in ns

# Path of a file -> what is to be known of it, as integers, or why training could not read it.
Inspect = Callable[[str], tuple[int, ...] | str]


def inspect_files(
    root: Path, folder: Path, names: Sequence[str], source: str, kind: str, inspect: Inspect
) -> list[tuple[int, ...]]:
    """Inspect files, except those that were valid before and have not changed in size or time of modification.

    Args:
        root: Folder of the data set, which no name may leave.
        folder: Folder that the names are relative to.
        names: Names of the files.
        source: What lists the files, for messages.
        kind: What messages call one of the files, such as ``image``.
        inspect: Inspects one file.

    Returns:
        What `inspect` says of each file, in the order of `names`; nothing, an empty tuple, of one that cannot be read
        where :func:`~mmbackbones.datasets.checks.findings.collecting_findings` collects those.

    Raises:
        UserError: A name leaves `root`, or files are missing, unreadable, or not regular (reading a pipe would never
            end); the first one, and how many there are.
    """
    states = _find_files(root, folder, names, source, kind)
    known, broken = _inspect_new(folder, states, kind, inspect)
    findings = current_findings()
    if findings and len(broken) < len(states):
        findings.unreadable |= {os.path.join(folder, name): reason for name, reason in broken.items()}
    elif broken:
        name, reason = next(iter(broken.items()))
        raise UserError(
            f'{source}: the {kind} {os.path.join(folder, name)!r} cannot be read ({reason}); '
            f'{_portion(list(broken), names, kind)} unreadable'
        )
    return [() if name in broken else tuple(known[name][_STATE:]) for name in names]


def cache_file(kind: str, subject: str) -> Path:
    """Where the user's cache keeps something of a kind about a subject."""
    home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    key = hashlib.sha256(os.fsencode(subject)).hexdigest()[:20]
    return Path(home, 'mmbackbones', f'{kind}-{CACHE_VERSION}-{key}.json')


def digest_of_states(folder: str | os.PathLike[str], names: Iterable[str]) -> str:
    """A digest of the sizes and times of modification of files.

    Raises:
        OSError: One is missing.
    """
    states = map(os.stat, (os.path.join(folder, name) for name in names))
    return _digest((state.st_size, state.st_mtime_ns) for state in states)


def digest_of_inspected(folder: str | os.PathLike[str], names: Iterable[str], kind: str) -> str | None:
    """What :func:`digest_of_states` has said when files were inspected; None if not all are known."""
    known = _read_cache(_cache_of(Path(folder), kind))
    states = [known.get(name, [])[:_STATE] for name in names]
    return _digest(states) if all(states) else None


def _digest(states: Iterable[Iterable[int]]) -> str:
    digest = hashlib.sha256()
    for state in states:
        digest.update(' '.join(map(str, state)).encode() + b'\n')
    return digest.hexdigest()


def _find_files(root: Path, folder: Path, names: Sequence[str], source: str, kind: str) -> dict[str, list[int]]:
    """Size and time of modification of each file."""
    below = os.path.relpath(folder, root)
    for name in names:
        if escapes_folder(os.path.join(below, name)):
            raise UserError(f'{source}: the {kind} file {name!r} is not inside the data folder {root}')
    states, missing, not_regular = {}, [], []
    for name in names:
        try:
            state = os.stat(os.path.join(folder, name))
        except (OSError, ValueError):  # ValueError: a name that no file system can have
            missing.append(name)
            continue
        states[name] = [state.st_size, state.st_mtime_ns]
        if not stat.S_ISREG(state.st_mode):
            not_regular.append(name)
    if missing:
        raise UserError(
            f'{source}: the {kind} {missing[0]!r} is not in {folder}; {_portion(missing, names, kind)} missing: '
            + advise_on_missing(len(missing))
        )
    if not_regular:
        raise UserError(
            f'{source}: the {kind} {os.path.join(folder, not_regular[0])!r} is not a regular file; '
            f'{_portion(not_regular, names, kind)} not'
        )
    return states


def _inspect_new(
    folder: Path, states: dict[str, list[int]], kind: str, inspect: Inspect
) -> tuple[dict[str, list[int]], dict[str, str]]:
    """Inspect files that are new or have changed: the cache afterwards, and why others cannot be read."""
    cache = _cache_of(folder, kind)
    known = _read_cache(cache)
    unknown = [name for name, state in states.items() if known.get(name, [])[:_STATE] != state]
    broken: dict[str, str] = {}
    pool = ThreadPoolExecutor()
    saved = time.monotonic()
    try:
        results = pool.map(inspect, (os.path.join(folder, name) for name in unknown))
        for name, result in track(zip(unknown, results, strict=True), len(unknown), f'Checking {kind}s'):
            if isinstance(result, str):
                broken[name] = result
            else:
                known[name] = [*states[name], *result]
            if time.monotonic() - saved >= SAVE_INTERVAL:
                _save_cache(cache, known)
                saved = time.monotonic()
    finally:  # an interrupted check stops at once and keeps what it has found
        pool.shutdown(cancel_futures=True)
        if unknown:
            _save_cache(cache, known)
    return known, broken


def _portion(some: Sequence[str], names: Sequence[str], kind: str) -> str:
    return f'{len(some)} of its {len(names)} {kind}s {"is" if len(some) == 1 else "are"}'


def _cache_of(folder: Path, kind: str) -> Path:
    return cache_file(f'{kind}s', os.fspath(folder.resolve()))


def _save_cache(file: Path, known: dict[str, list[int]]) -> None:
    with suppress(OSError):  # then the next check inspects again
        write_text(file, json.dumps(known))


def _read_cache(file: Path) -> dict[str, list[int]]:
    """Name -> size in bytes, time of modification in ns, what was found; entries of any other form are ignored."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    entries = content.items() if isinstance(content, dict) else ()
    return {
        name: entry
        for name, entry in entries
        if isinstance(entry, list) and len(entry) >= _STATE + 2 and all(type(value) is int for value in entry)
    }
