"""ADE20K (Zhou et al., CVPR 2017): images, and PNGs of the same name in which label n is class n and 0 is ignored."""

import re
from pathlib import Path

from ....errors import UserError
from ..folder import Folder
from ..split_names import split_of
from .names import ADE20K
from .paired import PairedFormat
from .places import Place

KINDS = ('images', 'annotations')
TRAINING, VALIDATION = 'training', 'validation'
# What people call a validation split, and any split, instead of the names above.
_VALIDATION = re.compile(r'(val.*|(dev|eval|evaluation)([^a-z].*)?)$', re.IGNORECASE)
_SPLIT = re.compile(r'(train.*|test.*|val.*|(dev|eval|evaluation)([^a-z].*)?)$', re.IGNORECASE)


class Ade20k(PairedFormat):
    """ADE20K's own folder names; the test split is optional."""

    name = 'ADE20K'
    tools = {'ADE20K': ''}
    expects = (
        f'`images/{{{TRAINING},{VALIDATION}}}/` (and `testing/` or `test/`), `annotations/` alike with a PNG per '
        f'image; optionally `classes.txt` or `{ADE20K}`'
    )
    tree = f"""
images/
  {TRAINING}/*.jpg
  {VALIDATION}/*.jpg
  testing/*.jpg  # optional, or test/
annotations/
  {TRAINING}/*.png  # one per image, of the same name
  {VALIDATION}/*.png
classes.txt  # optional; or {ADE20K}
"""
    signs = {f'images/{TRAINING}/': 'images', f'annotations/{TRAINING}/': 'label maps', 'classes.txt': 'class names'}
    zero = 'open'

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        root = self.root
        inner, outer = _list_splits(root)
        if 'val' not in self.splits and (
            misnamed := [path for path in (*inner, *outer) if _VALIDATION.match(path.name)]
        ):
            problem = 'not' if misnamed[0] != root / 'images' / VALIDATION else 'no folder'
            raise UserError(
                f'{misnamed[0]} is there, but images/{VALIDATION} is {problem}: the validation split belongs into '
                f'images/{VALIDATION} and annotations/{VALIDATION} of {root}'
            )
        used = {root / path for split in self.splits for path in self._places[split]}
        if unused := [path.relative_to(root).as_posix() for path in (*inner, *outer) if path not in used]:
            more = f' and {len(unused) - 6} more' if len(unused) > 6 else ''
            self.notes = [f'left out, because it is no labeled split of the format: {", ".join(unused[:6])}{more}']

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return all(folder.has_folder(f'{kind}/{TRAINING}') for kind in KINDS)

    @classmethod
    def find_places(cls, folder: Folder) -> dict[str, Place]:
        places = {'train': Place(*(f'{kind}/{TRAINING}' for kind in KINDS))}
        for split in ('val', 'test'):
            images, maps = (_names(folder, kind, split) for kind in KINDS)
            for name in images:
                labeled = name if name in maps or not maps else maps[0]
                place = Place(f'images/{name}', f'annotations/{labeled}')
                if split == 'val' or folder.walk(place.maps, {'.png'}):
                    places.setdefault(split, place)
        return places


def _names(folder: Folder, kind: str, split: str) -> list[str]:
    """Names of the folders that may be a split, ADE20K's own first."""
    bases = [path.rpartition('/')[2] for path in folder.folders(kind)]
    own = {'val': VALIDATION, 'test': 'testing'}[split]
    return sorted((base for base in bases if split_of(base) == split), key=lambda base: (base != own, base))


def _list_splits(root: Path) -> tuple[list[Path], list[Path]]:
    """What may be a split inside of the folders of images and label maps, and beside them."""
    inner = [path for kind in KINDS for path in _list_visible(root / kind)]
    # Besides folders: broken links, what has become a file, and lists of names; `val.json` may be of boxes.
    inner = [path for path in inner if path.is_dir() or (_SPLIT.match(path.name) and not path.suffix)]
    outer = [
        path for path in _list_visible(root) if _SPLIT.match(path.name) and (path.is_dir() or path.suffix == '.txt')
    ]
    return inner, outer


def _list_visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith('.'))
