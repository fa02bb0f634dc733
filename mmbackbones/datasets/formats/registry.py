"""The table of formats: which a folder may be in, and which it is in."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args, overload

from ...errors import UserError
from ...utils.paths import absolute
from .ade20k import Ade20k
from .base import DetectionFormat, Format, SegmentationFormat, Task, assign_splits
from .cityscapes import Cityscapes
from .coco import Coco2017, CvatCoco, OneCocoFile, PlainCoco
from .coco_anywhere import CocoFiles, LabelStudioCoco
from .createml import CreateMl
from .csv_boxes import CsvBoxes
from .cvat_xml import CvatXml
from .darknet import Darknet
from .folder import Folder
from .images_and_masks import ImagesAndMasks
from .isat import Isat
from .labelme import Labelme
from .mmseg_folders import MmsegFolders
from .object_masks import ObjectMasks
from .other_tools import explain_export
from .pascal_voc import PascalVoc
from .pascal_voc_masks import PascalVocMasks
from .roboflow import RoboflowCoco
from .roboflow_masks import RoboflowMasks
from .split_names import NAMES, describe_unused, split_of
from .via import Via
from .xml_files import XmlFiles
from .yolo import Yolo
from .yolo_without_yaml import RoboflowDarknet, YoloWithoutYaml

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
ObjectMasks.formats = tuple(item for item in FORMATS if issubclass(item, DetectionFormat))
_NEEDS = {'boxes': 'a detector needs boxes', 'label maps': 'a segmentor needs label maps'}


def formats_of(task: Task | None = None) -> list[type[Format]]:
    """The formats of a task, or of all."""
    return [item for item in FORMATS if task in (None, item.task)]


def describe(task: Task | None = None) -> str:
    """What a folder of each format must hold, one line per format, for a terminal.

    Args:
        task: What the folder is annotated with. Default: all formats.
    """
    listed = formats_of(task)
    width = max(len(item.name) for item in listed) + 1
    lines = [f'  {item.name + ":":{width}} {item.expects.replace("`", "")}' for item in listed]
    if any(item.task == 'boxes' for item in listed):
        lines.append(
            f'With boxes, a validation split may be called {_join(NAMES["val"])}, with '
            "COCO's instances_ before it and a year after it"
        )
    return '\n'.join(lines)


def summarize() -> str:
    """The names of all formats in one phrase: ``boxes (COCO 2017, ... or YOLO) or label maps (ADE20K)``."""
    names = {task: [item.name for item in formats_of(task)] for task in get_args(Task)}
    return ' or '.join(f'{task} ({_join(names[task])})' for task in names)


def has_boxes(root: str | os.PathLike[str]) -> bool:
    """Whether a folder is in a format with boxes."""
    return any(_match(Folder(absolute(root)), 'boxes'))


def has_label_maps(root: str | os.PathLike[str]) -> bool:
    """Whether a folder is in a format with label maps."""
    return any(_match(Folder(absolute(root)), 'label maps'))


@overload
def find_format(root: Path, task: Literal['boxes']) -> DetectionFormat: ...
@overload
def find_format(root: Path, task: Literal['label maps'], objects: bool = False) -> SegmentationFormat: ...
@overload
def find_format(root: Path, task: None = None) -> Format: ...
def find_format(root: Path, task: Task | None = None, objects: bool = False) -> Format:
    """Open a data set in the first format that matches.

    Args:
        root: The data folder, absolute.
        task: What it has to be annotated with. Default: anything.
        objects: Whether label maps may be drawn from the masks of objects, if no file holds any.

    Raises:
        UserError: There is no such folder, it is in none of the formats, or its splits cannot be told.
    """
    if not root.is_dir():
        raise UserError(f'the data folder {root} does not exist or is not a folder')
    folder = Folder(root)
    matching = _match(folder, task)
    first = next(matching, None) or (next(_match(folder, task, on_request=True), None) if objects else None)
    if first is None:
        raise UserError(_explain_mismatch(folder, task))
    found = first(folder)
    found.notes += _describe_val_folders(found)
    used = set(found.splits.values())
    with suppress(UserError):  # a defect of what is not used anyway
        others = [other.name for other in matching if not used.issuperset(other(folder).splits.values())]
        found.notes += [f'{root} is in the format {name} as well, which is not used' for name in others]
    return found


def _join(names: Sequence[str]) -> str:
    return ' or '.join(filter(None, [', '.join(names[:-1]), names[-1]]))


def _match(folder: Folder, task: Task | None, on_request: bool = False) -> Iterator[type[Format]]:
    return (item for item in formats_of(task) if item.on_request == on_request and item.match(folder))


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
            return (
                f'{root} holds {other.task} ({other.name}), but {_NEEDS[task]}; the formats with {task} are:\n'
                f'{describe(task)}'
            )
    reasons = (explain(folder) for explain in [explain_export, *(item.explain_mismatch for item in formats_of(task))])
    reason = next(filter(None, reasons), f'is in none of the known formats (it holds {_describe_folders(root)})')
    return f'the data folder {root} {reason}; the formats are:\n{describe(task)}'


def _describe_folders(root: Path, most: int = 6) -> str:
    """Some folders in `root`, for a message: the subfolders of each, or itself if it has none."""
    inner = [path for path in root.glob('*/*') if path.is_dir()]
    parents = {path.parent for path in inner}
    outer = [path for path in root.glob('*') if path.is_dir() and path not in parents]
    shown = sorted(f'{path.relative_to(root).as_posix()}/' for path in [*inner, *outer])
    return ', '.join([*shown[:most], '...'] if len(shown) > most else shown) or 'no folders'
