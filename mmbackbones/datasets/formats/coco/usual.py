"""COCO files in ``annotations/``, as COCO itself, and most tools, lay them out."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from ..base import Annotations, DetectionFormat
from ..folder import Folder
from ..split_names import NAMES, describe_unused, find_splits, split_of
from .cvat import undo_quirks
from .files import OTHER_TASKS, list_annotation_files, read_coco


class CocoFormat(DetectionFormat):
    """A format with one COCO file per split.

    Attributes:
        image_dirs: Where the images of a split may be; ``{}`` stands for its name.
    """

    image_dirs: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self.splits = self.find_files(folder)
        others = {*list_annotation_files(folder), *(file for file in folder.files('', '*.json') if _names_split(file))}
        self.notes = describe_unused(others.difference(self.splits.values()), self.root)

    @classmethod
    @abstractmethod
    def find_files(cls, folder: Folder) -> dict[str, str]:
        """Split -> its file; empty if `folder` is in another format."""

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return bool(cls.find_files(folder))

    def list_places(self, file: str) -> tuple[str, ...]:
        """Where the images of a file may be; ``{}`` stands for the name of its split."""
        return self.image_dirs

    def read(self, split: str) -> Annotations:
        places = self.list_places(self.splits[split])
        found = read_coco(self.folder, self.splits[split], split, places, alone=len(self.splits) == 1)
        return undo_quirks(found, self.splits[split])


class Coco2017(CocoFormat):
    """COCO's own file and folder names."""

    name = 'COCO 2017'
    tools = {'COCO': ''}
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
    def find_files(cls, folder: Folder) -> dict[str, str]:
        existing = set(list_annotation_files(folder))
        files = {split: f'annotations/instances_{split}2017.json' for split in NAMES}
        files = {split: file for split, file in files.items() if file in existing}
        alone = not existing.difference(files.values())
        if {'train', 'val'} <= files.keys() or (alone and any(folder.has_folder(f'{split}2017') for split in files)):
            return files
        return {}


class PlainCoco(CocoFormat):
    """Files in ``annotations/`` that are named after their splits."""

    name = 'plain COCO'
    tools = {'CVAT': 'COCO 1.0 with subsets', 'Datumaro': 'COCO'}
    expects = (
        '`annotations/{train,val}.json` (and `test.json`; CVAT: `instances_Train.json`), images in `images/`, '
        '`{train,val,test}/` or `images/{train,val,test}/`'
    )
    tree = """
annotations/
  train.json
  val.json
images/*.jpg  # or train/ and val/, or images/train/ and images/val/
"""
    signs = {'annotations/*.json': 'COCO files', 'images/': 'images'}
    image_dirs = ('images', '{}', 'images/{}', '{}/images', '.')

    @classmethod
    def find_files(cls, folder: Folder) -> dict[str, str]:
        files = {Path(file).stem: file for file in list_annotation_files(folder)}
        names = find_splits(files, f'{folder.root}/annotations')
        if names and 'train' not in names and (rest := next((stem for stem in files if _is_default(stem)), None)):
            names = {'train': rest, **names}
        # A train.json alone is in the format "one COCO file", and so is any file that is not just called val or test.
        if len(names) > 1 or {'val', 'test'} & set(names.values()):
            return {split: files[stem] for split, stem in names.items()}
        return {}

    @classmethod
    def explain_mismatch(cls, folder: Folder) -> str | None:
        files = [Path(file).name for file in list_annotation_files(folder)]
        others = [file for file in folder.files('annotations', '*.json') if Path(file).name.startswith(OTHER_TASKS)]
        if not files and others:
            return (
                f'holds COCO files for other tasks only, such as {others[0]}, but none with boxes: add '
                'annotations/instances_train.json and annotations/instances_val.json'
            )
        if len(files) < 2:
            return None
        return (
            f'holds several annotation files ({", ".join(files[:6])}{", ..." * (len(files) > 6)}), but none that is '
            'named as a validation split: rename them to train.json and val.json'
        )


class CvatCoco(CocoFormat):
    """What CVAT exports of a task, or of a project without subsets."""

    name = 'CVAT COCO'
    tools = {'CVAT': 'COCO 1.0'}
    expects = '`annotations/instances_default.json`, images in `images/default/`, `images/` or beside: split 80/20'
    tree = """
annotations/
  instances_default.json
images/
  default/*.jpg  # or images/*.jpg
"""
    signs = {'annotations/instances_default.json': 'a COCO file', 'images/': 'images'}
    image_dirs = ('images/default', 'images', 'default', '.')

    @classmethod
    def find_files(cls, folder: Folder) -> dict[str, str]:
        files = list_annotation_files(folder)
        if len(files) == 1 and _is_default(Path(files[0]).stem):
            return {'train': files[0]}
        return {}


class OneCocoFile(CocoFormat):
    """A single file of any name, or ``trainval.json``."""

    name = 'one COCO file'
    tools = {'Supervisely': 'Export to COCO'}
    expects = 'a single `annotations/*.json` or `trainval.json`, images in `images/`: split 80/20'
    tree = """
annotations/*.json  # one, or trainval.json
images/*.jpg
"""
    signs = {'*.json': 'a COCO file', 'images/': 'images'}
    image_dirs = ('images', 'images/{}', '.')

    @classmethod
    def find_files(cls, folder: Folder) -> dict[str, str]:
        files = list_annotation_files(folder)
        if len(files) != 1:
            files = [file for file in ['trainval.json'] if (folder / file).is_file()]
        return {'train': files[0]} if files and folder.has_folder('images') else {}


def _is_default(stem: str) -> bool:
    """Whether a file is CVAT's for images that are in no subset."""
    return stem.lower() in ('instances_default', 'person_keypoints_default')


def _names_split(file: str) -> bool:
    return split_of(Path(file).stem) is not None
