"""What can be predicted on: files, folders, patterns, cameras and arrays, and lists of these."""

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.checks.images import SUFFIXES
from ..errors import UserError, printable
from ..utils.files import list_files
from ..utils.paths import absolute
from ..utils.text import short

Array = np.ndarray[Any, Any]

VIDEO_SUFFIXES = {
    *('.3gp', '.asf', '.avi', '.flv', '.m2ts', '.m4v', '.mkv', '.mov'),
    *('.mp4', '.mpeg', '.mpg', '.mts', '.ogv', '.ts', '.webm', '.wmv'),
}
_KNOWN = SUFFIXES | VIDEO_SUFFIXES
_KINDS = (
    'an image, a video, a folder, a pattern such as photos/*.jpg, the number of a camera, an array (H, W, 3), or a '
    'list of these'
)
_MAX_CAMERA = 255


@dataclass(frozen=True, eq=False)
class Source:
    """One image, video, camera or array.

    Attributes:
        name: The file as given, or as found in the folder that was given; the number of a camera; None for an array.
        file: Absolute path of an image or a video.
        camera: Number of a camera.
        array: uint8 (H, W, 3) in RGB.
        below: Folder that it was found in, as given; for a file that was named itself, the folder of the file.
    """

    name: str | None
    file: Path | None = None
    camera: int | None = None
    array: Array | None = None
    below: Path | None = None

    @property
    def is_video(self) -> bool:
        """Whether it is a file that gives many images."""
        return self.file is not None and self.file.suffix.lower() in VIDEO_SUFFIXES


def find_sources(source: Any, leave_out: Sequence[Path] = ()) -> tuple[list[Source], list[tuple[str, str]]]:
    """All images, videos, cameras and arrays that `source` stands for.

    Files of a folder, and those that match a pattern, are sorted, with numbers by their value (``2.jpg`` before
    ``10.jpg``); hidden ones are left out. A list keeps its order.

    Args:
        source: What a user gave.
        leave_out: Absolute paths of folders whose files are our own output; no folder or pattern finds them.

    Returns:
        The sources, and pairs of a name and why there is nothing for it.

    Raises:
        UserError: Nothing is found at all, or something is given that no image can be read from.
    """
    given = list(source) if isinstance(source, list | tuple) else [source]
    if not given:
        raise UserError(f'there is nothing to predict on: give {_KINDS}')
    found, failures = list[Source](), list[tuple[str, str]]()
    for entry in given:
        if isinstance(entry, np.ndarray):
            found.append(Source(None, array=_as_rgb(entry)))
        elif isinstance(entry, int | np.integer) and not isinstance(entry, bool):
            found.append(_camera(int(entry)))
        elif isinstance(entry, str | bytes | os.PathLike):
            name = os.fsdecode(entry)
            try:
                found += _named(name, leave_out, failures)
            except UserError as error:
                failures.append((name, str(error)))
        else:
            raise UserError(f'cannot predict on {short(entry)}: give {_KINDS}')
    if not found:
        name, reason = failures[0]
        raise UserError(f'{printable(name) or repr(name)}: {reason}')
    return found, failures


def _named(name: str, leave_out: Sequence[Path], failures: list[tuple[str, str]]) -> list[Source]:
    """What a text stands for."""
    if re.match(r'[A-Za-z][A-Za-z0-9+.-]+://', name):
        raise UserError('addresses are not read: download the file first')
    if not name:
        raise UserError(f'an empty name: give {_KINDS}')
    try:
        os.stat(name)
    except FileNotFoundError:
        if name.isascii() and name.isdecimal():
            return [_camera(int(name[:9]))]
        if glob.has_magic(name):
            return _matching(name, leave_out, failures)
        what = 'the link leads nowhere' if os.path.islink(name) else 'there is no such file or folder'
        raise UserError(f'{what}: give {_KINDS}') from None
    except (OSError, ValueError) as error:  # a null character, say
        raise UserError(f'it cannot be read: {getattr(error, "strerror", None) or error}') from error
    if _is_within(name, leave_out):
        raise UserError('predictions are written there: name another folder as --out')
    if not os.path.isdir(name):
        return [_file(name, Path(name).parent)]
    if found := _in_folder(name, leave_out, failures):
        return found
    raise UserError('this folder holds no images or videos')


def _camera(number: int) -> Source:
    if not 0 <= number <= _MAX_CAMERA:
        raise UserError(f'there is no camera {number}: the first is 0')
    return Source(str(number), camera=number)


def _file(name: str, below: Path) -> Source:
    inside = Path(name).relative_to(below)
    if os.pardir in inside.parts:
        below, inside = Path(name).parent, Path(inside.name)
    return Source(name, file=absolute(below) / inside, below=below)


def _in_folder(folder: str, leave_out: Sequence[Path], failures: list[tuple[str, str]]) -> list[Source]:
    closed: list[str] = []
    names = list_files(Path(folder), _KNOWN, closed)
    failures += [(place, 'this folder may not be listed') for place in closed]
    files = [os.path.join(folder, name) for name in sorted(names, key=_natural)]
    return [_file(file, Path(folder)) for file in files if not _is_within(file, leave_out)]


def _matching(pattern: str, leave_out: Sequence[Path], failures: list[tuple[str, str]]) -> list[Source]:
    found = []
    root = Path(re.split(r'[*?[]', pattern, maxsplit=1)[0] + '_').parent  # the folder above all that match
    for name in sorted(glob.glob(pattern, recursive=True), key=_natural):
        if os.path.isdir(name):
            if '**' not in pattern:  # which finds the files themselves
                found += _in_folder(name, leave_out, failures)
        elif os.path.splitext(name)[1].lower() in _KNOWN and not _is_within(name, leave_out):
            found.append(_file(name, root))
    if not found:
        raise UserError('no image or video matches this pattern')
    return found


def _natural(path: str) -> list[tuple[list[str | int], str]]:
    """A key by which ``2.jpg`` comes before ``10.jpg``, and the files of a folder before those of the next."""
    return [
        ([int(piece) if piece.isdecimal() else piece for piece in re.split(r'([0-9]+)', part.casefold())], part)
        for part in path.split(os.sep)
    ]


def _is_within(file: str, folders: Sequence[Path]) -> bool:
    if not folders:
        return False
    real = Path(os.path.realpath(file))
    return any(real.is_relative_to(os.path.realpath(folder)) for folder in folders)


def _as_rgb(array: Array) -> Array:
    """An array as RGB: gray three times, transparency left out, as files are read."""
    channels = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if array.dtype != np.uint8 or channels not in (1, 3, 4) or not array.size:
        raise UserError(
            f'an array must be an image of type uint8 and shape (H, W, 3) in RGB, (H, W, 4) or (H, W), got '
            f'{array.dtype} and {array.shape}; give several images as a list'
        )
    if channels == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    return array[..., :3]
