"""The table of formats: which a folder may be in, and which it is in."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args, overload

from ...errors import UserError
from ...utils.files import reads_users_files
from ...utils.paths import absolute
from .base import DetectionFormat, Format, SegmentationFormat, Task, assign_splits
from .census import holds_images
from .coco.anywhere import CocoFiles, LabelStudioCoco
from .coco.roboflow import RoboflowCoco
from .coco.usual import Coco2017, CvatCoco, OneCocoFile, PlainCoco
from .csv.boxes import CsvBoxes
from .data_file import data_file_tasks, is_data_file, open_data_file
from .diagnosis import MORE, explain_higher_level, explain_no_folder, explain_unknown
from .folder import Folder
from .json.createml import CreateMl
from .json.isat import Isat
from .json.labelme import Labelme
from .json.other_tools import explain_export
from .json.via import Via
from .label_maps.ade20k import Ade20k
from .label_maps.cityscapes import Cityscapes
from .label_maps.images_and_masks import ImagesAndMasks
from .label_maps.mmseg_folders import MmsegFolders
from .label_maps.object_masks import ObjectMasks
from .label_maps.pascal_voc import PascalVocMasks
from .label_maps.roboflow import RoboflowMasks
from .split_names import NAMES, describe_unused, split_of
from .xml.cvat import CvatXml
from .xml.pascal_voc import PascalVoc
from .xml.without_lists import XmlFiles
from .yolo.darknet import Darknet
from .yolo.data_yaml import Yolo
from .yolo.without_yaml import RoboflowDarknet, YoloWithoutYaml

# The order is part of the interface: the first of a task that matches is taken.
FORMATS: tuple[type[Format], ...] = (
    Coco2017,
    PlainCoco,
    RoboflowCoco,
    CvatCoco,
    LabelStudioCoco,
    OneCocoFile,
    Darknet,
    PascalVoc,
    Yolo,
    CocoFiles,
    RoboflowDarknet,
    YoloWithoutYaml,
    XmlFiles,
    CvatXml,
    Labelme,
    Isat,
    CreateMl,
    Via,
    CsvBoxes,
    Ade20k,
    PascalVocMasks,
    Cityscapes,
    RoboflowMasks,
    MmsegFolders,
    ImagesAndMasks,
    ObjectMasks,
)
# What the formats are known by, in a short list.
_WELL_KNOWN = (
    'COCO',
    'YOLO',
    'Pascal VOC',
    'CVAT',
    'Label Studio',
    'Roboflow',
    'labelme',
    'CSV',
    'ADE20K',
    'Cityscapes',
)
_NEEDS = {'boxes': 'a detector needs boxes', 'label maps': 'a segmentor needs label maps'}


def formats_of(task: Task | None = None) -> list[type[Format]]:
    """The formats of a task, or of all."""
    return [item for item in FORMATS if task in (None, item.task)]


def describe(task: Task | None = None) -> str:
    """What a folder of each format must hold: a list per task, a line per format.

    Args:
        task: What the folder is annotated with. Default: both lists.
    """
    tasks = [item for item in get_args(Task) if task in (None, item)]
    lines = list[str]()
    for item in tasks:
        lines.append(f'folders with {item}:')
        lines += [f'  {listed.name}: {listed.expects.replace("`", "")}' for listed in formats_of(item)]
    if 'boxes' in tasks:
        lines.append(
            f'With boxes, a validation split may be called {", ".join(NAMES["val"][:-1])} or {NAMES["val"][-1]}, with '
            "COCO's instances_ before it and a year after it"
        )
    return '\n'.join(lines)


def summarize() -> str:
    """The formats in one phrase, such as ``boxes, masks or label maps in any of 25 formats (COCO, YOLO, ...)``."""
    names = ' '.join(item.name for item in FORMATS)
    known = ', '.join(name for name in _WELL_KNOWN if name.lower() in names.lower())
    return f'boxes, masks or label maps in any of {len(FORMATS)} formats ({known}, ...)'


def name_tools() -> list[str]:
    """The tools and data sets whose folders are in one of the formats, sorted."""
    return sorted({tool for item in FORMATS for tool in item.tools}, key=str.lower)


@reads_users_files
def find_tasks(root: str | os.PathLike[str], among: Sequence[Task] = get_args(Task)) -> list[Task]:
    """What a folder is annotated with, or what the files that a YAML file names hold; the folder is listed once.

    Args:
        root: The data folder or YAML file.
        among: What to look for, in this order.

    Raises:
        UserError: The YAML file is malformed, or several files of the folder could be the same split.
    """
    path = absolute(root)
    if is_data_file(path):
        return [task for task in among if task in data_file_tasks(path)]
    folder = _open(path)
    return [task for task in among if any(_match(folder, task))]


def has_boxes(root: str | os.PathLike[str]) -> bool:
    """Whether a folder is in a format with boxes, or a YAML file names such annotations; see :func:`find_tasks`."""
    return bool(find_tasks(root, ['boxes']))


def has_label_maps(root: str | os.PathLike[str]) -> bool:
    """Whether a folder is in a format with label maps, or a YAML file names some; see :func:`find_tasks`."""
    return bool(find_tasks(root, ['label maps']))


@overload
def find_format(root: Path, task: Literal['boxes']) -> DetectionFormat: ...
@overload
def find_format(root: Path, task: Literal['label maps'], objects: bool = False) -> SegmentationFormat: ...
@overload
def find_format(root: Path, task: None = None) -> Format: ...
def find_format(root: Path, task: Task | None = None, objects: bool = False) -> Format:
    """Open a data set in the first format that matches.

    Args:
        root: The data folder, or a YAML file that names the files of each split; an absolute path.
        task: What it has to be annotated with. Default: anything.
        objects: Whether label maps may be drawn from the masks of objects, if no file holds any.

    Raises:
        UserError: There is no such folder, it is in none of the formats, or its splits cannot be told.
    """
    if is_data_file(root):
        return open_data_file(root, task, objects)
    if not root.is_dir():
        raise UserError(explain_no_folder(root, formats_of(task)))
    folder = _open(root)
    matching = _match(folder, task)
    first = next(matching, None)
    if first is None and objects and any(_match(folder, 'boxes')):
        return ObjectMasks(find_format(root, 'boxes'))
    if first is None:
        if folder.closed:
            raise UserError(f'{folder.closed[0]} cannot be listed: permission denied')
        raise UserError(_explain_mismatch(folder, task))
    if not holds_images(root) and (above := explain_higher_level(root, formats_of(task))):
        raise UserError(above)
    found = first(folder)
    found.notes += _describe_val_folders(found)
    found.notes += [f'{place} cannot be listed (permission denied): not read' for place in dict.fromkeys(folder.closed)]
    used = set(found.splits.values())
    with suppress(UserError):  # a defect of what is not used anyway
        others = [other for item in matching if not used.issuperset((other := item(folder)).splits.values())]
        found.notes += [f'{root} is in the format {other.name} as well, which is not used' for other in others]
        if isinstance(found, DetectionFormat):
            found.unused = [other for other in others if isinstance(other, DetectionFormat)]
    return found


def _open(root: Path) -> Folder:
    if root.parent == root:  # listing it would take minutes
        raise UserError(f'{root} is the whole file system, not a data folder: name the folder that holds the data')
    return Folder(root)


def _match(folder: Folder, task: Task | None) -> Iterator[type[Format]]:
    return (item for item in formats_of(task) if item.match(folder))


def _describe_val_folders(found: Format) -> list[str]:
    """A note on folders that may hold a validation split, where it is split from training all the same."""
    if ('train', 'val') not in assign_splits(found.splits):
        return []
    root = found.root
    folders = [path for path in [*root.iterdir(), *root.glob('images/*')] if split_of(path.name) == 'val']
    return describe_unused((f'{path.relative_to(root).as_posix()}/' for path in folders if path.is_dir()), root)


def _explain_mismatch(folder: Folder, task: Task | None) -> str:
    root = folder.root
    with suppress(UserError):
        if task and (other := next(_match(folder, None), None)):
            return f'{root} holds {other.task} ({other.name}), but {_NEEDS[task]}; {MORE}'
    explain = [explain_export, *(item.explain_mismatch for item in formats_of(task))]
    reasons = (reason for function in explain if (reason := function(folder)))
    return explain_unknown(folder, task, formats_of(task), lambda: next(reasons, None))
