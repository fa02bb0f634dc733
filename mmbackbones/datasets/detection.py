"""From a user's folder to COCO files that MMDetection can train on and pycocotools can evaluate."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..utils.files import absolute, write_text
from .checks.annotations import NoAnnotationsError, check, check_categories
from .checks.classes import compare_classes
from .checks.counts import count, is_trained_on
from .checks.images import describe_losses, read_images
from .checks.masks import check_masks
from .checks.repair import DONE_IN_TRAINING, describe, fill_image_sizes, list_classes, repair, tidy
from .formats.base import Annotations, Layout, Source
from .formats.registry import find_layout
from .train_val_split import describe_division, divide


@dataclass(frozen=True)
class Split:
    ann_file: Path  # COCO JSON, absolute
    image_dir: Path  # absolute; the file_name of each image is relative to it
    images: int  # that are trained on, or evaluated
    boxes: int  # that are trained on, or counted in evaluation
    thinnest: tuple[str, int, int]  # file name, width, height of the image of the most extreme proportions


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
    filter_cfg: Mapping | None = None,
) -> DetectionData:
    """Find the layout of the data set in `root`, check it, and give it as COCO files.

    A COCO file that needs no change is used in place. Whatever is converted or repaired is written to
    `out_dir/{train,val,test}.json`; nothing in `root` is changed. In every file the categories are the `classes` in
    their order, because CocoDataset gives labels by that order; category and image ids stay the data set's own.

    Args:
        classes: the class names in the order of the labels, such as a checkpoint's. Default: the train split's.
            Others may be listed, but no box may have one of them.
        splits: check and return these only, as far as the data set has them. Default: all, but for a `test` without
            annotations. If `train` is among them it must be there; a `val` that is not there is divided from it.
        masks: every annotation needs a mask, too.
        filter_cfg: which images CocoDataset is going to leave out of `train`. Default: none.

    Raises:
        UserError: the folder has no known layout, lacks the splits, has other classes than asked for, or has a defect
            that cannot be repaired; one sentence with the file and the id.
    """
    root, out_dir = absolute(root), absolute(out_dir)
    layout = find_layout(root)
    there = [split for source in layout.sources for split in source.splits]
    wanted = [split for split in there if splits is None or split in splits]
    to_train = splits is None or 'train' in splits
    lacking = {'train', 'val'} - set(there) if to_train else () if wanted else splits
    if lacking:
        raise UserError(f'{root} ({layout.name}) has no split {" or ".join(sorted(lacking))}, only {", ".join(there)}.')

    notes = [*layout.notes]
    # Training does without a test split, but who asks for it is not given another.
    optional = ('test',) if splits is None else ()
    checked, expected = _check_files(root, layout, wanted, optional, classes, masks, notes)
    done, without_boxes = {}, []
    for item in checked:
        with _leave_out_empty(item.source.splits == optional, notes):
            parts, in_place, said = _prepare(root, item, expected, masks)
            notes += said
            for split in item.source.splits:
                if split not in wanted:
                    continue
                part = parts[split]
                annotated = item.annotated if in_place else {entry['image_id'] for entry in part['annotations']}
                counts = count(part, annotated, filter_cfg if split == 'train' else None, split == 'train')
                if not counts.boxes:
                    raise NoAnnotationsError(
                        f'{root / item.source.name}: the split {split!r} is empty: '
                        f'{counts.why_empty(bool(item.annotated))}.'
                    )
                notes += counts.describe(f'{item.source.name} ({split})' if len(parts) > 1 else item.source.name)
                without_boxes += [f'{counts.backgrounds} of {split}'] if counts.backgrounds else []
                ann_file = item.annotations.file if in_place else out_dir / f'{split}.json'
                if not in_place:
                    write_text(ann_file, json.dumps({'info': {}} | part))  # some pycocotools want "info"
                done[split] = Split(ann_file, item.annotations.image_dir, counts.images, counts.boxes, _thinnest(part))
    summary = f'{root}: {layout.name}, {len(expected)} {"class" if len(expected) == 1 else "classes"}; '
    summary += '; '.join(f'{split} {item.images} images, {item.boxes} boxes' for split, item in done.items())
    summary += f'; images without a box: {", ".join(without_boxes)}' if without_boxes else ''
    return DetectionData(layout.name, expected, done, tuple(dict.fromkeys([summary, *notes])))


@dataclass(frozen=True)
class _Checked:
    source: Source
    annotations: Annotations
    annotated: set[int]  # ids of the images that the file has annotations of, be they sound or not
    repairs: Counter


def _check_files(
    root: Path,
    layout: Layout,
    wanted: Sequence[str],
    optional: tuple[str, ...],
    classes: Sequence[str] | None,
    masks: bool,
    notes: list[str],
) -> tuple[list[_Checked], tuple[str, ...]]:
    """Check all files before the first image is decoded, which may take minutes; those that are wanted, and classes."""
    checked = []
    expected, whose = (tuple(classes), 'the classes of the model') if classes is not None else (None, '')
    for source in layout.sources:
        asked = not set(wanted).isdisjoint(source.splits)
        if not asked and (layout.common_classes or classes is not None):
            continue
        name = str(root / source.name)
        with _leave_out_empty(not asked or source.splits == optional, notes if asked else []):
            annotations = source.read()
            data = annotations.data
            check_categories(data, name)
            names = {category['id']: category['name'] for category in data['categories']}
            if asked:
                check(data, name)
            expected, whose = (expected, whose) if expected is not None else (tuple(names.values()), f'those of {name}')
            ids = [item.get('category_id') for item in data['annotations']]
            occurring = {names[number] for number in ids if type(number) is int and number in names}
            compare_classes(names.values(), expected, name, whose, occurring)
            if not asked:
                continue
            annotated = {annotation['image_id'] for annotation in data['annotations']}
            repairs = tidy(data, annotations.image_dir, name, masks)
            if masks:
                check_masks(_of_known_sizes(data), name)
            checked.append(_Checked(source, annotations, annotated, repairs))
    return checked, expected


@contextmanager
def _leave_out_empty(allowed: bool, notes: list[str]) -> Iterator[None]:
    """Where a split has no annotations, go on without it if that is `allowed`, and add it to `notes`."""
    try:
        yield
    except NoAnnotationsError as error:
        if not allowed:
            raise
        notes.append(f'the test split is left out: {error}')


def _prepare(
    root: Path, item: _Checked, classes: tuple[str, ...], masks: bool
) -> tuple[dict[str, dict], bool, list[str]]:
    """Repair, order and divide: the data of each split, whether its file can be used as it is, and what to say."""
    source, annotations = item.source, item.annotations
    data, name, notes = annotations.data, str(root / source.name), [*annotations.notes]
    files = [image['file_name'] for image in data['images']]
    images = annotations.images or read_images(root, annotations.image_dir, files, name)
    filled = fill_image_sizes(data, images, name)
    repairs = item.repairs + filled + repair(data)
    if masks and filled:
        check_masks(data, name)  # those of images whose size has not been known
    ordered = [category['name'] for category in data['categories']] == list(classes)
    repairs += list_classes(data, classes)
    if repairs:
        notes.append(f'{source.name}: {describe(repairs)}')
    notes += describe_losses(files, images, source.name)
    if turned := [file for file, info in zip(files, images, strict=True) if info.orientation != 1]:
        notes.append(
            f'{source.name}: images that their EXIF orientation turns or mirrors, in training, too, so that '
            f'boxes have to fit them as a viewer shows them: {len(turned)}, such as {turned[0]}'
        )
    if twice := [file for file, number in Counter(files).items() if number > 1]:
        notes.append(
            f'{source.name}: images that are listed more than once, each time with a part of the boxes: '
            f'{len(twice)}, such as {twice[0]}'
        )
    if len(source.splits) == 1:
        done_anyway = DONE_IN_TRAINING if source.splits == ('train',) else ()
        in_place = annotations.file is not None and ordered and not repairs.keys() - set(done_anyway)
        return {source.splits[0]: data}, in_place, notes
    parts = _divide(data, name)
    notes.append(describe_division(source.name, {split: len(part['images']) for split, part in parts.items()}))
    return parts, False, notes


def _of_known_sizes(data: dict) -> dict:
    known = {image['id'] for image in data['images'] if None not in (image['width'], image['height'])}
    return data | {'annotations': [item for item in data['annotations'] if item['image_id'] in known]}


def _divide(data: dict, name: str) -> dict[str, dict]:
    files = {image['id']: image['file_name'] for image in data['images']}
    names = {category['id']: category['name'] for category in data['categories']}
    content = {file: set() for file in files.values()}
    for annotation in data['annotations']:
        if is_trained_on(annotation):
            content[files[annotation['image_id']]].add(names[annotation['category_id']])
    if sum(map(bool, content.values())) == 1:
        raise UserError(
            f'{name}: no validation split is given, and a single image has boxes to train on, which cannot '
            'be divided: training and validation need one each.'
        )
    parts = {}
    for split, chosen in divide(content, content).items():
        images = [image for image in data['images'] if image['file_name'] in chosen]
        ids = {image['id'] for image in images}
        annotations = [annotation for annotation in data['annotations'] if annotation['image_id'] in ids]
        parts[split] = data | {'images': images, 'annotations': annotations}
    return parts


def _thinnest(data: dict) -> tuple[str, int, int]:
    def proportion(image: dict) -> float:
        return max(image['width'], image['height']) / min(image['width'], image['height'])

    image = max(data['images'], key=proportion)
    return image['file_name'], image['width'], image['height']
