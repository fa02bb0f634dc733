"""Where the folders, lists and images are that a YOLO data set names, often as they were on another machine."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath

from ....errors import UserError
from ....utils.files import read_text
from ....utils.paths import normalize_separators
from ....utils.text import short
from ..image_finder import ImageFinder
from ..split_names import split_of

_MAX_PARTS = 100  # of a path; each is looked for


def find_inside(home: Path, entry: str, *folders: Path) -> Path | None:
    """The path `entry`, relative to the first of `folders` where it exists inside `home`; it begins with `home`."""
    for folder in folders if '\0' not in entry else ():
        path = folder / normalize_separators(folder, entry)
        normal = Path(os.path.normpath(path))
        if os.path.exists(normal) and normal.is_relative_to(home):
            return normal
        real = Path(os.path.realpath(path))  # by symlinks, `path` may lead there in another way than `home`
        if os.path.exists(real) and real.is_relative_to(os.path.realpath(home)):
            return home / real.relative_to(os.path.realpath(home))
    return None


def find_moved(root: Path, entry: str, split: str | None = None) -> Path | None:
    """The path in `root` that ends as `entry` does, which began elsewhere; the longest end counts.

    Args:
        root: A folder.
        entry: A path, such as ``/content/data/images/val``.
        split: Split that it belongs to, whose folder may have another of its usual names, such as ``images/valid``.
    """
    parts = [part for part in PurePosixPath(entry.replace('\\', '/')).parts if part not in ('..', '/')]
    if '\0' in entry or len(parts) > _MAX_PARTS:
        return None
    while parts:
        exact = root.joinpath(*parts)
        if found := exact if os.path.exists(exact) else _find_alike(root, parts, split):
            return found
        if split_of(parts.pop(0)):
            break  # without the name of a split, the rest would be another one
    return None


def _find_alike(root: Path, parts: Sequence[str], split: str | None) -> Path | None:
    """The only path in `root` whose parts are `parts` in another case, or with another usual name of `split`."""
    place = root
    for part in parts:
        if not os.path.lexists(place / part):
            try:
                names = [name for name in os.listdir(place) if _is_alike(name, part, split)]
            except OSError:
                return None
            if len(names) != 1:
                return None
            part = names[0]
        place /= part
    return place


def _is_alike(name: str, part: str, split: str | None) -> bool:
    stem, suffix = os.path.splitext(name)
    other, other_suffix = os.path.splitext(part)
    renamed = split is not None and split_of(stem) == split_of(other) == split
    return name.lower() == part.lower() or (renamed and suffix.lower() == other_suffix.lower())


def read_list(
    file: Path, home: Path, folders: Sequence[Path], list_images: Callable[[], Iterable[str]], notes: list[str]
) -> list[str]:
    """The images of a `.txt` list.

    Where they are not, all of them may be elsewhere: lines that begin with the same folder, such as ``/content/data``,
    may be in one folder of `home`, whichever has most of them.

    Args:
        file: The list.
        home: Folder that no image may leave.
        folders: Folders that its lines may be relative to, the first that holds a line counts; the last is the data
            folder.
        list_images: Lists the images in `home`, relative to it.
        notes: Gets a note on lines that begin elsewhere.

    Returns:
        Paths relative to `home`.

    Raises:
        UserError: The list is unreadable, or images are missing.
    """
    lines = [line.strip() for line in read_text(file).splitlines() if line.strip()]
    found = {line: path for line in lines if (path := find_inside(home, line, *folders))}
    names = {line: path.relative_to(home).as_posix() for line, path in found.items()}
    missing = [line for line in dict.fromkeys(lines) if line not in names]
    images = list(list_images() if missing else ())
    if missing:
        moved = ImageFinder(home, images).find(missing, str(file))
        names |= moved.paths
        notes += moved.notes
        missing = [line for line in missing if line not in names]
    if missing:
        hint = '' if images else ': there are no images, so export the data again with them (CVAT: "Save images")'
        where = (
            f'is not inside the data folder {home}' if home == folders[-1] else f'is not there, nor in {folders[-1]}'
        )
        raise UserError(
            f'{file}: the image {short(missing[0])} {where}; '
            f'{len(missing)} of its {len(lines)} images {"is" if len(missing) == 1 else "are"} missing{hint}'
        )
    return [names[line] for line in lines]
