"""ADE20K's layout: which folders hold the images and label maps of which split."""

import os
import re
from pathlib import Path

from ...errors import UserError
from ...utils.files import list_files

KINDS = ('images', 'annotations')
TRAINING, VALIDATION = 'training', 'validation'
TEST = ('testing', 'test')
LAYOUT = """
  images/{training,validation}/       in any format that OpenCV reads; testing/ (or test/) besides, if there is one
  annotations/{training,validation}/  for each image a PNG of the same name: one label a pixel, 8 or 16 bits, grey or
                                      with a palette; label n is the n-th class, 0 and 255 are ignored (where labels
                                      are counted from 0: --background class)
  classes.txt                         line n names the n-th class (or ADE20K's objectInfo150.txt)"""
# What people call a validation part, and any usual split, instead of the names above.
_VALIDATION = re.compile(r'(val.*|(dev|eval|evaluation)([^a-z].*)?)$', re.IGNORECASE)
_SPLIT = re.compile(r'(train.*|test.*|val.*|(dev|eval|evaluation)([^a-z].*)?)$', re.IGNORECASE)


def has_label_maps(root: str | os.PathLike) -> bool:
    """Whether the folder is in ADE20K's layout."""
    return all((Path(root) / kind / TRAINING).is_dir() for kind in KINDS)


def find_splits(root: Path) -> tuple[dict[str, str], list[str]]:
    """The splits of the data set in `root`, and what its user should know of folders that are not used.

    Returns:
        Name of the folder below `images` and `annotations` for each split: 'train', and 'val' and 'test' where they are
        there; notes, a line each.

    Raises:
        UserError: there is no such folder, it is in another layout, or a validation part goes by another name.
    """
    if not root.is_dir():
        raise UserError(f'The data folder {root} does not exist or is not a folder.')
    if not has_label_maps(root):
        found = ', '.join(_folders(root)) or 'no folders'
        raise UserError(
            f'The data folder {root} is not laid out as segmentation needs it (it holds {found}); it must have:{LAYOUT}'
        )
    inner = [path for kind in KINDS for path in _entries(root / kind)]
    # Besides folders, links that lead nowhere, what has become a file, and lists of names; `val.json` may be of boxes.
    inner = [path for path in inner if path.is_dir() or (_SPLIT.match(path.name) and not path.suffix)]
    outer = [path for path in _entries(root) if _SPLIT.match(path.name) and (path.is_dir() or path.suffix == '.txt')]

    folders = {'train': TRAINING}
    if (root / 'images' / VALIDATION).is_dir():
        folders['val'] = VALIDATION
    elif misnamed := [path for path in (*inner, *outer) if _VALIDATION.match(path.name)]:
        missing = f'images/{VALIDATION} is no{"t" if misnamed[0] != root / "images" / VALIDATION else " folder"}'
        raise UserError(
            f'{misnamed[0]} is there, but {missing}: the validation part belongs into '
            f'images/{VALIDATION} and annotations/{VALIDATION} of {root}.'
        )
    if labelled := [name for name in TEST if _is_labelled(root, name)]:
        folders['test'] = labelled[0]

    used = {root / kind / folder for kind in KINDS for folder in folders.values()}
    notes = []
    if spare := [path.relative_to(root).as_posix() for path in (*inner, *outer) if path not in used]:
        notes.append(
            f'left out, because it is no labelled split of the layout: {", ".join(spare[:6])}'
            + f' and {len(spare) - 6} more' * (len(spare) > 6)
        )
    return folders, notes


def _is_labelled(root: Path, folder: str) -> bool:
    return (root / 'images' / folder).is_dir() and bool(list_files(root / 'annotations' / folder, {'.png'}))


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith('.'))


def _folders(root: Path, most: int = 6) -> list[str]:
    """Some folders in `root`, for a message: the subfolders of each, or itself if it has none."""
    inner = [path for path in root.glob('*/*') if path.is_dir()]
    parents = {path.parent for path in inner}
    outer = [path for path in root.glob('*') if path.is_dir() and path not in parents]
    shown = sorted(f'{path.relative_to(root).as_posix()}/' for path in [*inner, *outer])
    return [*shown[:most], '...'] if len(shown) > most else shown
