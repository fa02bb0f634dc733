"""COCO files as COCO itself, and most tools, lay them out."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from .base import Annotations, DetectionFormat
from .coco_files import list_annotation_files, read_coco
from .folder import Folder
from .split_names import NAMES, describe_unused, find_splits, split_of


class CocoFormat(DetectionFormat):
    """A format with one COCO file per split.

    Attributes:
        image_dirs: Where the images of a split may be; ``{}`` stands for its name.
    """

    image_dirs: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        root = self.root
        self.splits = self.find_files(root)
        others = list_annotation_files(root) | {path.name for path in root.glob('*.json') if split_of(path.stem)}
        self.notes = describe_unused(others.difference(self.splits.values()), root)

    @classmethod
    @abstractmethod
    def find_files(cls, root: Path) -> dict[str, str]:
        """Split -> its file, relative to `root`; empty if `root` is in another format."""

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return bool(cls.find_files(folder.root))

    def read(self, split: str) -> Annotations:
        return read_coco(self.root, self.splits[split], split, self.image_dirs)


class Coco2017(CocoFormat):
    """COCO's own file and folder names."""

    name = 'COCO 2017'
    expects = '`annotations/instances_{train,val}2017.json`, `train2017/`, `val2017/`'
    tree = """
annotations/
  instances_train2017.json
  instances_val2017.json
train2017/*.jpg
val2017/*.jpg
"""
    signs = {'annotations/instances_*2017.json': 'COCO files', '*2017/': 'images'}
    image_dirs = ('{}2017', 'images/{}2017')

    @classmethod
    def find_files(cls, root: Path) -> dict[str, str]:
        existing = list_annotation_files(root)
        files = {split: f'annotations/instances_{split}2017.json' for split in NAMES}
        files = {split: file for split, file in files.items() if file in existing}
        alone = not existing.difference(files.values())
        if {'train', 'val'} <= files.keys() or (alone and any((root / f'{split}2017').is_dir() for split in files)):
            return files
        return {}


class PlainCoco(CocoFormat):
    """Files in ``annotations/`` that are named after their splits."""

    name = 'plain COCO'
    expects = '`annotations/{train,val}.json` (and `test.json`), images in `images/` or `{train,val,test}/`'
    tree = """
annotations/
  train.json
  val.json
images/*.jpg  # or train/ and val/
"""
    signs = {'annotations/*.json': 'COCO files', 'images/': 'images'}
    image_dirs = ('images', '{}', 'images/{}', '.')

    @classmethod
    def find_files(cls, root: Path) -> dict[str, str]:
        stems = {Path(file).stem for file in list_annotation_files(root)}
        names = find_splits(stems, f'{root}/annotations')
        # A train.json alone is in the format "one COCO file", and so is any file that is not just called val or test.
        if len(names) > 1 or {'val', 'test'} & set(names.values()):
            return {split: f'annotations/{stem}.json' for split, stem in names.items()}
        return {}

    @classmethod
    def explain_mismatch(cls, folder: Folder) -> str | None:
        root = folder.root
        files = sorted(file.removeprefix('annotations/') for file in list_annotation_files(root))
        if len(files) < 2:
            return None
        return f'holds several annotation files ({", ".join(files)}), but none that is named as a validation split'


class OneCocoFile(CocoFormat):
    """A single file of any name, or ``trainval.json``."""

    name = 'one COCO file'
    expects = 'a single `annotations/*.json` or `trainval.json`, images in `images/`: split 80/20'
    tree = """
annotations/*.json  # one, or trainval.json
images/*.jpg
"""
    signs = {'*.json': 'a COCO file', 'images/': 'images'}
    image_dirs = ('images', '.')

    @classmethod
    def find_files(cls, root: Path) -> dict[str, str]:
        files = sorted(list_annotation_files(root))
        if len(files) != 1:
            files = [file for file in ['trainval.json'] if (root / file).is_file()]
        return {'train': files[0]} if files and (root / 'images').is_dir() else {}
