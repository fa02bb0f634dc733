"""From a user's folder to COCO files that MMDetection can train on and pycocotools can evaluate."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from .check import check, check_categories
from .classes import compare_classes
from .division import describe_division, divide
from .files import write_text
from .images import image_sizes
from .layouts import find_layout
from .masks import check_masks
from .repair import describe, repair, settle_sizes
from .source import Annotations, Source


@dataclass(frozen=True)
class Split:
    ann_file: Path  # COCO JSON, absolute
    image_dir: Path  # absolute; the file_name of each image is relative to it
    images: int
    boxes: int  # after repair


@dataclass(frozen=True)
class DetectionData:
    layout: str  # such as 'COCO 2017'
    classes: tuple[str, ...]  # index = label
    splits: dict[str, Split]  # of 'train', 'val', 'test', in this order
    notes: tuple[str, ...]  # to be shown, a line each: what was found, divided, repaired, dropped


def load_detection(
    root: str | os.PathLike,
    out_dir: str | os.PathLike,
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    masks: bool = False,
) -> DetectionData:
    """Find the layout of the data set in `root`, check it, and give it as COCO files.

    A COCO file that needs no change is used in place. Whatever is converted or repaired is written to
    `out_dir/{train,val,test}.json`; nothing in `root` is changed. In every file the categories stand in the order of
    `classes`, because CocoDataset gives labels by that order; category and image ids stay the data set's own.

    Args:
        classes: the class names in the order of the labels, such as a checkpoint's. Default: the train split's.
        splits: check and return these only, as far as the data set has them. Default: all. If `train` is among them
            it must be there; a `val` that is not there is divided from it.
        masks: every annotation needs a mask, too.

    Raises:
        UserError: the folder has no known layout, lacks the splits, has other classes than asked for, or has a defect
            that cannot be repaired; one sentence with the file and the id.
    """
    root, out_dir = Path(os.path.abspath(root)), Path(os.path.abspath(out_dir))
    layout = find_layout(root)
    there = [split for source in layout.sources for split in source.splits]
    wanted = [split for split in there if splits is None or split in splits]
    to_train = splits is None or 'train' in splits
    lacking = {'train', 'val'} - set(there) if to_train else () if wanted else splits
    if lacking:
        raise UserError(f'{root} ({layout.name}) has no split {" or ".join(sorted(lacking))}, only {", ".join(there)}.')

    # All files are checked before the first image is decoded: that may take minutes.
    expected, whose = (tuple(classes), 'the classes asked for') if classes is not None else (None, '')
    checked: list[tuple[Source, Annotations]] = []
    for source in layout.sources:
        asked = not set(wanted).isdisjoint(source.splits)
        if not asked and (layout.common_classes or classes is not None):
            continue
        annotations, name = source.read(), str(root / source.name)
        check_categories(annotations.data, name)
        if asked:
            check(annotations.data, name)
            if masks:
                check_masks(annotations.data, name)
            checked.append((source, annotations))
        found = [category['name'] for category in annotations.data['categories']]
        expected, whose = (expected, whose) if expected is not None else (tuple(found), f'those of {name}')
        compare_classes(found, expected, name, whose)

    done, notes = {}, [*layout.notes]
    for source, annotations in checked:
        parts, in_place, said = _prepare(root, source, annotations, expected)
        notes += said
        for split, part in parts.items():
            if split not in wanted:
                continue
            if all(annotation['iscrowd'] for annotation in part['annotations']):
                raise UserError(f'{root / source.name}: the split {split!r} is empty: no image of it has a box.')
            if not in_place:
                write_text(out_dir / f'{split}.json', json.dumps({'info': {}} | part))  # some pycocotools want "info"
            ann_file = annotations.file if in_place else out_dir / f'{split}.json'
            done[split] = Split(ann_file, annotations.image_dir, len(part['images']), len(part['annotations']))
    counts = '; '.join(f'{split} {item.images} images, {item.boxes} boxes' for split, item in done.items())
    summary = f'{root}: {layout.name}, {len(expected)} {"class" if len(expected) == 1 else "classes"}; {counts}'
    return DetectionData(layout.name, expected, done, tuple(dict.fromkeys([summary, *notes])))


def _prepare(
    root: Path, source: Source, annotations: Annotations, classes: tuple[str, ...]
) -> tuple[dict[str, dict], bool, list[str]]:
    """Repair, order and divide: the data of each split, whether its file can be used as it is, and what to say."""
    data, name, notes = annotations.data, str(root / source.name), [*annotations.notes]
    files = [image['file_name'] for image in data['images']]
    sizes = annotations.sizes or image_sizes(root, annotations.image_dir, files, name)
    repairs = settle_sizes(data, sizes, name) + repair(data)
    if repairs:
        notes.append(f'{source.name}: {describe(repairs)}')
    if source.splits == ('train',):
        del repairs['dropped']  # CocoDataset leaves these out by itself: no reason to copy COCO's 450 MB
    ordered = [category['name'] for category in data['categories']] == list(classes)
    data['categories'].sort(key=lambda category: classes.index(category['name']))
    if len(source.splits) == 1:
        return {source.splits[0]: data}, annotations.file is not None and ordered and not repairs, notes
    parts = _divide(data)
    notes.append(describe_division(source.name, {split: len(part['images']) for split, part in parts.items()}))
    return parts, False, notes


def _divide(data: dict) -> dict[str, dict]:
    parts = {}
    for split, names in divide(image['file_name'] for image in data['images']).items():
        images = [image for image in data['images'] if image['file_name'] in names]
        ids = {image['id'] for image in images}
        annotations = [annotation for annotation in data['annotations'] if annotation['image_id'] in ids]
        parts[split] = data | {'images': images, 'annotations': annotations}
    return parts
