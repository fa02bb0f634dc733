"""COCO files of any name, anywhere in a data folder."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ....errors import UserError
from ...checks.images import SUFFIXES
from ..folder import Folder
from ..json_kind import json_kind
from ..split_names import NAMES, describe_unused, split_in, split_of
from .files import KEYPOINTS, OTHER_TASKS
from .roboflow import RoboflowCoco
from .usual import Coco2017, CocoFormat, CvatCoco, OneCocoFile, PlainCoco

MAX_FILES = 100  # a folder with more JSON files has one per image
MAX_FOLDERS = 1000  # that are looked into
PREDICTIONS = 'predictions.json'  # what a model found, in COCO's form, may lie beside what it was trained on
GROUND_TRUTH = 'ground_truth.json'  # beside that, what a test compared it with: a copy of other annotations
_ANNOTATIONS = ('annotations', 'annotation', 'labels', 'json', 'coco')  # names of folders with folders of files
_BESIDE = ('images', 'data', 'img')  # names of folders with images beside a file


class LabelStudioCoco(CocoFormat):
    """What Label Studio exports."""

    name = 'Label Studio COCO'
    tools = {'Label Studio': 'COCO'}
    expects = '`result.json`, images in `images/`: split 80/20'
    tree = """
result.json
images/*.jpg
"""
    signs = {'result.json': 'a COCO file', 'images/': 'images'}
    image_dirs = ('.', 'images')

    @classmethod
    def find_files(cls, folder: Folder) -> dict[str, str]:
        file = 'result.json'
        if json_kind(folder / file) != 'COCO':
            return {}
        others = [other for other in folder.files('', '*.json') if other != file and split_of(Path(other).stem)]
        return {} if others else {'train': file}


class CocoFiles(CocoFormat):
    """One file of any name, or several whose names, or whose folders' names, tell the splits."""

    name = 'COCO files'
    tools = {'FiftyOne': 'COCODetectionDataset', 'X-AnyLabeling': 'COCO'}
    expects = (
        'a COCO file of any name, or one per split (`train.json` and `val.json`, or `train/*.json` and `val/*.json`), '
        'images in any folder'
    )
    tree = """
train.json  # or train/labels.json, or a single file of any name
val.json
photos/*.jpg  # any folder, or train/ and val/, or beside the files
"""
    signs = {'*.json': 'COCO files', '*.jpg': 'images'}
    image_dirs = ('images', '{}', 'images/{}', '{}/images', '{}/data', 'data', 'data/{}', '.')
    others = (Coco2017, PlainCoco, RoboflowCoco, CvatCoco, LabelStudioCoco, OneCocoFile)

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self.notes = describe_unused(set(_list_coco_files(folder)).difference(self.splits.values()), self.root)

    def list_places(self, file: str) -> tuple[str, ...]:
        beside = [parent for path in PurePosixPath(file).parents if (parent := str(path)) != '.']
        return (*(f'{parent}/{name}' for parent in beside for name in _BESIDE), *beside, *self.image_dirs)

    @classmethod
    def find_files(cls, folder: Folder) -> dict[str, str]:
        if any(other.match(folder) for other in cls.others):
            return {}
        files = _list_coco_files(folder)
        found = _assign_splits(files, folder.root)
        if len(files) == 1:
            return found or ({} if _is_of_one_folder(folder, files[0]) else {'train': files[0]})
        # Beside a file for training alone, or without one, the others may hold anything.
        return found if {'train', 'val'} <= found.keys() or len(found) == len(files) else {}

    @classmethod
    def explain_mismatch(cls, folder: Folder) -> str | None:
        files = _list_coco_files(folder)
        if len(files) == 1 and _is_of_one_folder(folder, files[0]):
            inner = files[0].split('/')[0]
            return (
                f'holds images in several folders, and a COCO file beside those of {inner}/ alone: '
                f'name {folder / inner}, or move the other folders away'
            )
        if len(files) < 2:
            return None
        return (
            f'holds several COCO files ({", ".join(files[:6])}{", ..." * (len(files) > 6)}) whose names do not say '
            'which is for training and which for validation: rename them to train.json and val.json, or leave one there'
        )


def _list_coco_files(folder: Folder) -> list[str]:
    """Paths of COCO files in a folder, in its subfolders, and in those of folders of splits and of annotations."""
    inner = folder.folders()[:MAX_FOLDERS]
    outer = [place for place in inner if split_of(place) or place.lower() in _ANNOTATIONS]
    places = ['', *inner, *(place for outer_place in outer for place in folder.folders(outer_place))]
    files = [file for place in places for file in _list_in(folder, place)]
    boxes = [file for file in files if not Path(file).name.startswith(OTHER_TASKS)]
    boxes = boxes or [file for file in files if Path(file).name.startswith(KEYPOINTS)]
    true = [file for file in boxes if Path(file).name != PREDICTIONS]
    tested = {str(PurePosixPath(file).with_name(GROUND_TRUTH)) for file in boxes if Path(file).name == PREDICTIONS}
    return [file for file in true if file not in tested] or true or boxes


def _is_of_one_folder(folder: Folder, file: str) -> bool:
    """Whether a file lies beside the images of one of several folders with images, so that it is not for all."""
    top, _, below = file.partition('/')
    if not below or top.lower() in _ANNOTATIONS or not folder.walk(top, SUFFIXES):
        return False
    return any(folder.walk(other, SUFFIXES) for other in folder.folders() if other != top)


def _list_in(folder: Folder, place: str) -> list[str]:
    """Those in one folder; a JSON file that is named as an image is that image's, as labelme's are."""
    files = folder.files(place, '*.json')
    if not files:
        return []
    images = {stem for suffix in SUFFIXES for stem in _stems(folder.files(place, f'*{suffix}'))}
    files = [file for file, stem in zip(files, _stems(files), strict=True) if stem not in images]
    return [file for file in files if json_kind(folder / file) == 'COCO'] if len(files) <= MAX_FILES else []


def _stems(files: Iterable[str]) -> list[str]:
    return [os.path.splitext(file)[0] for file in files]


def _assign_splits(files: Iterable[str], root: Path) -> dict[str, str]:
    """Split -> its file, in the order ``train``, ``val``, ``test``, as far as names tell.

    Raises:
        UserError: Several files could be the same split.
    """
    found: dict[str, list[str]] = {split: [] for split in NAMES}
    for file in files:
        parts = [PurePosixPath(file).stem, *PurePosixPath(file).parts[-2::-1]]
        if split := next(filter(None, map(split_in, parts)), None):
            found[split].append(file)
    for split, chosen in found.items():
        exact = [file for file in chosen if split_of(PurePosixPath(file).stem)]
        found[split] = chosen = exact or chosen
        if len(chosen) > 1:
            raise UserError(f'{root} has several that could be the split {split!r}: {", ".join(chosen)}; keep one')
    return {split: chosen[0] for split, chosen in found.items() if chosen}
