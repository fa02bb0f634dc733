"""Where output that belongs to users' files is written: in the same subfolders, no two at the same place."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import UserError


def output_names(files: Mapping[str, Path], suffixes: Iterable[str] = ('.jpg',)) -> dict[str, str]:
    """Choose a name without suffix for what belongs to each file, no two of them the same.

    ``day/a.png`` becomes ``day/a``; it keeps its suffix (``day/a.png``) only beside another ``day/a``, or where a
    folder has the name that the output would have.

    Args:
        files: The path of each file, relative to the folder whose subfolders are kept.
        suffixes: Those that the output may have.
    """
    whole = set(files.values())
    count = Counter(path.with_suffix('') for path in whole)
    within = {parent for path in whole for parent in path.parents}
    names = {}
    for file, path in files.items():
        short = path.with_suffix('')
        crowded = count[short] > 1 or short in whole or any(Path(f'{short}{suffix}') in within for suffix in suffixes)
        names[file] = str(path if crowded else short)
    return names


def refuse_among(files: Iterable[str | os.PathLike[str]], output: Iterable[Path], what: str, option: str) -> None:
    """Refuse output among the files that it belongs to, where it would pass for one of them.

    Args:
        files: Paths of the files.
        output: Paths of the output.
        what: What the output is, for the message, such as ``pictures``.
        option: What to do, for the message, such as ``choose another folder to draw into``.

    Raises:
        UserError: Both would be in one folder.
    """
    folders = {os.path.realpath(os.path.dirname(os.path.abspath(file))) for file in files}
    for parent in dict.fromkeys(path.parent for path in output):
        if os.path.realpath(parent) in folders:
            raise UserError(f'{what} would be written among the images in {parent}: {option}')


def picture_paths(images: Iterable[str], folder: Path) -> dict[str, Path]:
    """Choose a path for the picture of each image, no two of them the same.

    Subfolders are those of the images, below the deepest folder that holds all images. ``day/a.png`` becomes
    ``day/a.jpg``, or as :func:`output_names` says.

    Args:
        images: Paths of the images.
        folder: Folder of the pictures.

    Raises:
        UserError: A picture would be written among the images, where it would pass for one of them.
    """
    absolute = {image: Path(os.path.abspath(image)) for image in images}
    root = os.path.commonpath([path.parent for path in absolute.values()])
    names = output_names({image: path.relative_to(root) for image, path in absolute.items()})
    pictures = {image: folder / f'{name}.jpg' for image, name in names.items()}
    refuse_among(absolute, pictures.values(), 'pictures', 'choose another folder to draw into')
    return pictures
