"""ADE20K (Zhou et al., CVPR 2017): images, and PNGs of the same name in which label n is class n and 0 is ignored."""

import re
from pathlib import Path

from ...errors import UserError
from ...utils.files import list_files
from .base import LabeledImages, LabelNames, SegmentationFormat
from .class_names import ADE20K, read_class_names
from .folder import Folder
from .pairs import pair_by_stem, read_pairs

KINDS = ('images', 'annotations')
TRAINING, VALIDATION = 'training', 'validation'
TEST = ('testing', 'test')
# What people call a validation split, and any split, instead of the names above.
_VALIDATION = re.compile(r'(val.*|(dev|eval|evaluation)([^a-z].*)?)$', re.IGNORECASE)
_SPLIT = re.compile(r'(train.*|test.*|val.*|(dev|eval|evaluation)([^a-z].*)?)$', re.IGNORECASE)


class Ade20k(SegmentationFormat):
    """ADE20K's own folder names; the test split is optional and may be called either way."""

    name = 'ADE20K'
    expects = (
        f'`images/{{{TRAINING},{VALIDATION}}}/` (and `testing/` or `test/`), `annotations/` alike with a PNG per '
        f'image, `classes.txt` or `{ADE20K}`'
    )
    tree = f"""
images/
  {TRAINING}/*.jpg
  {VALIDATION}/*.jpg
  testing/*.jpg  # optional, or test/
annotations/
  {TRAINING}/*.png  # one per image, of the same name
  {VALIDATION}/*.png
classes.txt  # or {ADE20K}
"""
    signs = {f'images/{TRAINING}/': 'images', f'annotations/{TRAINING}/': 'label maps', 'classes.txt': 'class names'}

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        root = self.root
        inner = [path for kind in KINDS for path in _list_visible(root / kind)]
        # Besides folders: broken links, what has become a file, and lists of names; `val.json` may be of boxes.
        inner = [path for path in inner if path.is_dir() or (_SPLIT.match(path.name) and not path.suffix)]
        outer = [
            path for path in _list_visible(root) if _SPLIT.match(path.name) and (path.is_dir() or path.suffix == '.txt')
        ]

        self._folders = {'train': TRAINING}
        if (root / 'images' / VALIDATION).is_dir():
            self._folders['val'] = VALIDATION
        elif misnamed := [path for path in (*inner, *outer) if _VALIDATION.match(path.name)]:
            problem = 'not' if misnamed[0] != root / 'images' / VALIDATION else 'no folder'
            raise UserError(
                f'{misnamed[0]} is there, but images/{VALIDATION} is {problem}: the validation split belongs into '
                f'images/{VALIDATION} and annotations/{VALIDATION} of {root}'
            )
        if test := [name for name in TEST if self._has_labels(name)]:
            self._folders['test'] = test[0]
        self.splits = {split: f'images/{folder}' for split, folder in self._folders.items()}

        used = {root / kind / folder for kind in KINDS for folder in self._folders.values()}
        if unused := [path.relative_to(root).as_posix() for path in (*inner, *outer) if path not in used]:
            more = f' and {len(unused) - 6} more' if len(unused) > 6 else ''
            self.notes = [f'left out, because it is no labeled split of the format: {", ".join(unused[:6])}{more}']

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return all(folder.has_folder(f'{kind}/{TRAINING}') for kind in KINDS)

    def read_label_names(self) -> LabelNames:
        return read_class_names(self.root)

    def read(self, split: str, out_dir: Path) -> LabeledImages:
        image_dir, label_dir = (self.root / kind / self._folders[split] for kind in KINDS)
        names, spare = pair_by_stem(image_dir, label_dir)
        found = read_pairs(self.root, image_dir, label_dir, names)
        if not spare:
            return found
        more = f' and {len(spare) - 1} more' if len(spare) > 1 else ''
        note = f'annotations/{self._folders[split]}: left out, because it has no image: {spare[0]}{more}'
        return LabeledImages(found.pairs, (note, *found.notes))

    def _has_labels(self, folder: str) -> bool:
        return (self.root / 'images' / folder).is_dir() and bool(
            list_files(self.root / 'annotations' / folder, {'.png'})
        )


def _list_visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith('.'))
