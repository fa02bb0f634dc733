"""Decode every image once, before training does, and remember which ones are sound."""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from ..errors import UserError
from .files import leaves, write_text

ORIENTATION = 0x0112  # EXIF tag; 1 = upright


def image_sizes(root: Path, folder: Path, names: Sequence[str], source: str) -> list[tuple[int, int]]:
    """Verify the images `names` of `folder` by decoding them; each one's width and height as training will see it.

    A file that was found sound before, and has the same size and time of change, is not decoded again.

    Args:
        root: the data folder, which no name may leave.
        source: the file that names them, for errors.

    Raises:
        UserError: a name leaves `root`, or images are missing or unreadable (the first one, and how many).
    """
    below = os.path.relpath(folder, root)
    for name in names:
        if leaves(os.path.join(below, name)):
            raise UserError(f'{source}: the image file {name!r} is not inside the data folder {root}.')
    states, missing = {}, []
    for name in names:
        try:
            state = os.stat(os.path.join(folder, name))
            states[name] = [state.st_size, state.st_mtime_ns]
        except (OSError, ValueError):  # ValueError: a name that no file system can have
            missing.append(name)
    if missing:
        count = f'{len(missing)} of its {len(names)} images {"is" if len(missing) == 1 else "are"} missing'
        raise UserError(f'{source}: the image {missing[0]!r} is not in {folder}; {count}.')

    cache = _cache_file(folder)
    known = _read_cache(cache)
    unknown = [name for name in states if known.get(name, [])[:2] != states[name]]
    broken = []
    console = Console(stderr=True)
    pool = ThreadPoolExecutor()
    try:
        results = pool.map(_decode, (os.path.join(folder, name) for name in unknown))
        shown = track(
            zip(unknown, results, strict=True), 'Checking images', len(unknown), console=console, transient=True,
            disable=not unknown or not console.is_terminal,
        )
        for name, result in shown:
            if isinstance(result, str):
                broken.append((name, result))
            else:
                known[name] = [*states[name], *result]
    finally:  # an interrupted check stops at once and keeps what it has learnt
        pool.shutdown(cancel_futures=True)
        if unknown:
            with suppress(OSError):
                write_text(cache, json.dumps(known))
    if broken:
        name, reason = broken[0]
        count = f'{len(broken)} of its {len(names)} images {"is" if len(broken) == 1 else "are"} unreadable'
        raise UserError(f'{source}: the image {os.path.join(folder, name)!r} cannot be read ({reason}); {count}.')
    return [tuple(known[name][2:]) for name in names]


def _decode(path: str) -> tuple[int, int] | str:
    """Width and height, or why training could not read the file.

    PIL is the strict one: OpenCV fills what a truncated file lacks with grey. OpenCV is what training reads with, so
    it is asked wherever the two may differ: rarer formats, and images that it turns by their EXIF orientation.
    """
    try:
        with Image.open(path) as image:
            size, kind = image.size, image.format
            if kind == 'JPEG':
                image.draft('L', (1, 1))  # decodes at an eighth of the size, but every byte
            image.load()
            if kind in ('JPEG', 'PNG') and image.getexif().get(ORIENTATION, 1) == 1:
                return size
        array = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except Exception as error:  # a decoder may fail with anything, and whatever it is, the file is not sound
        return ' '.join(str(error).split()) or type(error).__name__
    if array is None:
        return f'OpenCV, which training reads images with, does not know this kind of {kind} file'
    return array.shape[1], array.shape[0]


def _cache_file(folder: Path) -> Path:
    home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return Path(home, 'mmbackbones', f'images-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:20]}.json')


def _read_cache(file: Path) -> dict[str, list[int]]:
    """name -> [bytes, time of change in ns, width, height]; whatever is not of this form is forgotten."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    entries = content.items() if isinstance(content, dict) else ()
    return {
        name: entry
        for name, entry in entries
        if isinstance(entry, list) and len(entry) == 4 and all(type(value) is int for value in entry)
    }
