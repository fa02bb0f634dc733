"""Which of the accepted layouts a folder has."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from . import coco, voc, yolo
from .files import absolute
from .source import Layout

# The order is part of the interface: the first that matches wins.
READERS = (coco.coco_2017, coco.plain_coco, coco.roboflow, coco.one_file, voc.pascal_voc, yolo.yolo)
ACCEPTED = """
  COCO 2017:  annotations/instances_{train,val}2017.json, train2017/, val2017/
  plain COCO: annotations/{train,val}.json (and test.json), images in images/ or {train,val,test}/
  Roboflow:   {train,valid}/_annotations.coco.json (and test/) beside the images
  one file:   a single annotations/*.json or trainval.json, images in images/ (split 80/20)
  Pascal VOC: Annotations/*.xml, JPEGImages/, ImageSets/Main/{train,val,test,trainval}.txt
  YOLO:       data.yaml, images/, labels/*.txt
A validation split may be called val, valid, validation, dev, or eval, with COCO's instances_ and a year around it."""


def has_boxes(root: Path) -> bool:
    """Whether the folder `root` has one of the layouts that hold boxes."""
    return _match(absolute(root)) is not None


def _match(root: Path) -> Layout | None:
    return next((layout for reader in READERS if (layout := reader(root))), None)


def _describe_others(root: Path, chosen: Layout) -> list[str]:
    """A note for each other layout that `root` has, too, in files of its own."""
    read, notes = {source.name for source in chosen.sources}, []
    for reader in READERS:
        with suppress(UserError):  # a defect of what is not used anyway
            layout = reader(root)
            if layout and not read.issuperset(source.name for source in layout.sources):
                notes.append(f'{root} has the layout {layout.name}, too, which is not used')
    return notes


def find_layout(root: Path) -> Layout:
    """The layout of the folder `root` (absolute), its sources not read yet.

    Raises:
        UserError: there is no such folder, it has none of the layouts, or it holds no boxes.
    """
    if not root.is_dir():
        raise UserError(f'The data folder {root} does not exist or is not a folder.')
    if layout := _match(root):
        return replace(layout, notes=(*layout.notes, *_describe_others(root, layout)))
    if all((root / kind / 'training').is_dir() for kind in ('images', 'annotations')):
        raise UserError(f'{root} holds semantic masks (ADE20K layout) and no boxes, which a detector needs.')
    several = sorted(path.name for path in root.glob('annotations/*.json'))
    if len(several) > 1:
        found = f'holds several annotation files ({", ".join(several)}) that do not say which split they are'
    else:
        found = 'has none of the layouts that are read'
    raise UserError(f'The data folder {root} {found}; it may have one of these:{ACCEPTED}')
