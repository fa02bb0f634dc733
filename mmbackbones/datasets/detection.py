"""From a user's folder to COCO files that MMDetection can train on and pycocotools can evaluate."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..utils.files import reads_users_files, write_text
from ..utils.garbage import paused_collector
from ..utils.paths import absolute
from .checks.annotations import NoAnnotationsError, check_categories
from .checks.check_record import CheckRecord, Images
from .checks.classes import describe_similar
from .checks.counts import count_usable, is_trained_on
from .checks.repair import DONE_BY_COCO_DATASET
from .checks.shared_images import TrainedImages
from .detection_data import DetectionData, DetectionSplit
from .formats import find_format
from .formats.base import DetectionFormat, assign_splits, choose_splits
from .formats.checked_file import CheckedFile, check_classes, check_file, repair_file
from .formats.mixture import refuse_mixture
from .train_val_split import describe_train_val_split, train_val_split


@reads_users_files
def load_detection(
    root: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    masks: bool = False,
    filter_cfg: Mapping[str, Any] | None = None,
) -> DetectionData:
    """Recognize the format of a data set with boxes, check it, and return it as COCO files.

    A COCO file that needs no change is used in place. What is converted or repaired is written to
    `out_dir/{train,val,test}.json`; nothing in `root` is changed. In every file the categories are the `classes` in
    their order, because CocoDataset assigns labels by that order; category and image ids stay the data set's own.

    Args:
        root: The data folder, or a YAML file that names the files of each split.
        out_dir: Folder for converted and repaired files.
        classes: The class names in the order of the labels, such as a checkpoint's. Default: the train split's. There
            may be classes without boxes among them, but every box must be of one of them.
        splits: Check and return these only, as far as the data set has them. Default: all, but for a `test` without
            annotations. If `train` is among them, it must exist; a missing `val` is split from it.
        masks: Whether every annotation needs a mask as well.
        filter_cfg: Which images CocoDataset is going to leave out of `train`. Default: none.

    Raises:
        UserError: The folder is in no known format, lacks the splits, has other classes than asked for, or has a defect
            that cannot be repaired; the message names the file and the id.
    """
    root, out_dir = absolute(root), absolute(out_dir)
    found = find_format(root, 'boxes')
    wanted = choose_splits(found, root, splits)
    notes = list(found.notes)
    question = [found.name, found.splits, notes, wanted, splits is None, classes, masks, filter_cfg]
    record = CheckRecord(root, map(found.root.joinpath, found.splits.values()), question)
    if known := record.recall(DetectionData.from_json):
        return known
    # A training run does without a test split, but an explicit request for one is not answered with another.
    optional = ('test',) if splits is None else ()
    checked, expected = _check_files(found, wanted, optional, classes, masks, notes)
    notes += describe_similar(expected)
    done: dict[str, DetectionSplit] = {}
    seen: list[Images] = []
    trained = TrainedImages()
    for served, item in checked.items():
        with _leave_out_empty(served == optional, notes):
            parts, file, said = _prepare(found.root, served, item, expected)
            notes += said
            for split in served:
                if split not in wanted:
                    continue
                part = parts[split]
                annotated = item.annotated if file else {entry['image_id'] for entry in part['annotations']}
                counts = count_usable(part, annotated, filter_cfg if split == 'train' else None, split == 'train')
                if not counts.boxes:
                    why = counts.why_empty(bool(item.annotated))
                    raise NoAnnotationsError(f'{found.root / item.name}: the split {split!r} is empty: {why}')
                notes += counts.describe(f'{item.name} ({split})' if len(parts) > 1 else item.name)
                ann_file = file or out_dir / f'{split}.json'
                if not file:
                    write_text(ann_file, json.dumps({'info': {}} | part))  # some versions of pycocotools want "info"
                image_dir = item.annotations.image_dir
                names = [image['file_name'] for image in part['images']]
                paths = [os.path.join(image_dir, name) for name in names]
                seen.append(Images(image_dir, names))
                if split == 'train':
                    trained.add(paths)
                else:
                    notes += trained.describe_shared(paths, split, item.name)
                done[split] = DetectionSplit(
                    ann_file, image_dir, counts.images, counts.boxes, counts.backgrounds, _thinnest(part)
                )
    data = DetectionData(root, found.name, expected, done, tuple(dict.fromkeys(notes)))
    if all(not split.ann_file.is_relative_to(out_dir) for split in done.values()):
        record.keep(data.to_json(), seen)
    return data


def _check_files(
    found: DetectionFormat,
    wanted: Sequence[str],
    optional: tuple[str, ...],
    classes: Sequence[str] | None,
    masks: bool,
    notes: list[str],
) -> tuple[dict[tuple[str, ...], CheckedFile], tuple[str, ...]]:
    """Check all files before the first image is decoded, which may take minutes.

    Returns:
        The files of the splits that are `wanted`; the classes in the order of the labels.
    """
    checked = {}
    expected, whose = (tuple(classes), 'the classes of the model') if classes is not None else (None, '')
    for splits, source in assign_splits(found.splits).items():
        asked = not set(wanted).isdisjoint(splits)
        if not asked and (found.common_classes or classes is not None):
            continue
        name = str(found.root / source)
        with _leave_out_empty(not asked or splits == optional, notes if asked else []):
            annotations = found.read(splits[0])
            data = annotations.data
            check_categories(data, name)
            if expected is None:
                expected, whose = tuple(category['name'] for category in data['categories']), f'those of {name}'
            if asked:
                masks_for = 'Mask R-CNN' if masks else None
                checked[splits] = check_file(found.root, source, annotations, expected, whose, masks_for)
            else:
                check_classes(data, expected, name, whose)
    refuse_mixture(found, (item.annotations for item in checked.values()))
    return checked, expected or ()


@contextmanager
def _leave_out_empty(allowed: bool, notes: list[str]) -> Iterator[None]:
    """Where a split has no annotations, continue without it if that is `allowed`, and add it to `notes`."""
    try:
        yield
    except NoAnnotationsError as error:
        if not allowed:
            raise
        notes.append(f'the test split is left out: {error}')


def _prepare(
    root: Path, splits: tuple[str, ...], item: CheckedFile, classes: tuple[str, ...]
) -> tuple[dict[str, dict[str, Any]], Path | None, list[str]]:
    """Repair, order and split a file.

    Returns:
        The data of each split; the file that can be used as it is, if it can; notes.
    """
    repairs = repair_file(root, item, classes)
    data, notes = item.annotations.data, repairs.notes
    if len(splits) == 1:
        done_anyway = DONE_BY_COCO_DATASET if splits == ('train',) else ()
        return {splits[0]: data}, None if repairs.kinds.difference(done_anyway) else item.annotations.file, notes
    parts = _divide(data, str(root / item.name))
    notes.append(describe_train_val_split(item.name, {split: len(part['images']) for split, part in parts.items()}))
    return parts, None, notes


@paused_collector()
def _divide(data: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    files = {image['id']: image['file_name'] for image in data['images']}
    names = {category['id']: category['name'] for category in data['categories']}
    content: dict[str, set[str]] = {file: set() for file in files.values()}
    for annotation in data['annotations']:
        if is_trained_on(annotation):
            content[files[annotation['image_id']]].add(names[annotation['category_id']])
    if sum(map(bool, content.values())) == 1:
        raise UserError(
            f'{name}: no validation split is given, and a single image has boxes to train on, which cannot be split: '
            'training and validation need one each'
        )
    parts = {}
    for split, chosen in train_val_split(content, content).items():
        images = [image for image in data['images'] if image['file_name'] in chosen]
        ids = {image['id'] for image in images}
        annotations = [annotation for annotation in data['annotations'] if annotation['image_id'] in ids]
        parts[split] = data | {'images': images, 'annotations': annotations}
    return parts


def _thinnest(data: dict[str, Any]) -> tuple[str, int, int]:
    def aspect_ratio(image: dict[str, Any]) -> float:
        return float(max(image['width'], image['height']) / min(image['width'], image['height']))

    image = max(data['images'], key=aspect_ratio)
    return image['file_name'], image['width'], image['height']
