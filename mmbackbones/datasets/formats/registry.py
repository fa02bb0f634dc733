"""Which of the accepted layouts a folder has."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ...errors import UserError
from ...utils.paths import absolute
from . import coco, pascal_voc, yolo
from .base import Layout
from .split_names import describe_unused, split_of

# The order is part of the interface: the first that matches wins.
READERS = (coco.coco_2017, coco.plain_coco, coco.roboflow, coco.one_file, pascal_voc.pascal_voc, yolo.yolo)
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
    return bool(next(_matches(absolute(root)), None))


def _matches(root: Path) -> Iterator[Layout]:
    return filter(None, (reader(root) for reader in READERS))


def _describe_folders(root: Path, layout: Layout) -> tuple[str, ...]:
    """A note on folders that may hold a validation part, where one is divided from training all the same."""
    if not any(source.splits == ('train', 'val') for source in layout.sources):
        return ()
    found = [path for path in [*root.iterdir(), *root.glob('images/*')] if split_of(path.name) == 'val']
    return describe_unused((f'{path.relative_to(root).as_posix()}/' for path in found if path.is_dir()), root)


def find_layout(root: Path) -> Layout:
    """The layout of the folder `root` (absolute), its sources not read yet.

    Raises:
        UserError: there is no such folder, it has none of the layouts, or it holds no boxes.
    """
    if not root.is_dir():
        raise UserError(f'The data folder {root} does not exist or is not a folder.')
    matches = _matches(root)
    if layout := next(matches, None):
        layout = replace(layout, notes=(*layout.notes, *_describe_folders(root, layout)))
        read = {source.name for source in layout.sources}
        with suppress(UserError):  # a defect of what is not used anyway
            others = [other.name for other in matches if not read.issuperset(item.name for item in other.sources)]
            notes = [f'{root} has the layout {name}, too, which is not used' for name in others]
            return replace(layout, notes=(*layout.notes, *notes))
        return layout
    if all((root / kind / 'training').is_dir() for kind in ('images', 'annotations')):
        raise UserError(f'{root} holds semantic masks (ADE20K layout) and no boxes, which a detector needs.')
    several = sorted(name.removeprefix('annotations/') for name in coco.json_files(root))
    if len(several) > 1:
        found = f'holds several annotation files ({", ".join(several)}), of which none is called as a validation split'
    else:
        found = 'has none of the layouts that are read'
    raise UserError(f'The data folder {root} {found}; it may have one of these:{ACCEPTED}')
