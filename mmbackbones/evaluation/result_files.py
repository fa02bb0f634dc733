"""The files of a test that a report is made from: what was predicted, and what is true."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from .coco_file import CocoFile
from .coco_form import mask_annotation, object_annotation, rle_text
from .run_lengths import rles_of_labels

Array = np.ndarray[Any, Any]

PREDICTIONS = 'predictions.json'
GROUND_TRUTH = 'ground_truth.json'
_BEGINNING = b'{"info": {"task": '


@dataclass(frozen=True)
class ResultFiles:
    """Where a test writes what it found, and what it compares with.

    Attributes:
        predictions: File of the predictions.
        ground_truth: File of the ground truth; None: it is not written.
        info: What was tested, for that file.
    """

    predictions: Path
    ground_truth: Path | None = None
    info: dict[str, Any] = field(default_factory=dict)

    def info_of(self, task: str, classes: Sequence[str], images: Iterable[str]) -> dict[str, Any]:
        """The ``info`` of the ground truth.

        Args:
            task: ``bbox``, ``segm`` or ``semantic``.
            classes: Names of the classes.
            images: Paths of the images.
        """
        info = dict(task=task, classes=list(classes), image_folders=_folders(images), **self.info)
        beside = self.ground_truth and self.ground_truth.with_name(PREDICTIONS)
        if beside and os.path.realpath(beside) != os.path.realpath(self.predictions):
            info['predictions'] = os.path.abspath(self.predictions)
        return info


@dataclass(frozen=True)
class LabeledImage:
    """The label maps of an image, in a form that processes send to each other.

    Attributes:
        path: Of the image.
        height, width: In pixels.
        found: The pixels of each label that was predicted, as RLE.
        truth: Those of the ground truth, where it is not ignored.
    """

    path: str
    height: int
    width: int
    found: dict[int, dict[str, Any]]
    truth: dict[int, dict[str, Any]]

    @classmethod
    def of(cls, path: str, found: Array, truth: Array, classes: int, ignored: int) -> 'LabeledImage':
        """Encode label maps.

        Args:
            path: Of the image.
            found: (H, W) predicted labels.
            truth: (H, W) true labels.
            classes: Number of classes; what is labeled higher is ignored as well.
            ignored: Label that is ignored.
        """
        height, width = truth.shape
        known = {label: rle for label, rle in rles_of_labels(truth).items() if 0 <= label < classes}
        known.pop(ignored, None)
        return cls(path, height, width, rles_of_labels(found), known)


def write_objects(
    files: ResultFiles,
    results: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    coco: Any,
    classes: Sequence[str],
    category_ids: Sequence[int],
    task: str,
) -> None:
    """Write the files of a detector.

    Args:
        files: Where.
        results: Ground truth and predictions of each image, as ``CocoMetric`` collects them.
        coco: The ground truth, as pycocotools reads it.
        classes: Names of the classes.
        category_ids: The number of each class in the data.
        task: ``bbox`` or ``segm``.

    Raises:
        UserError: A file cannot be written.
    """
    tested: dict[int, dict[str, Any]] = {}
    with CocoFile(files.predictions, classes, category_ids) as file:
        for truth, found in results:
            number = truth['img_id']
            size = dict(width=int(truth['width']), height=int(truth['height']))
            name = coco.imgs[number].get('file_name') or truth['img_path']
            tested[number] = dict(id=number, file_name=name, **size, path=_absolute(truth['img_path']))
            image = {key: value for key, value in tested[number].items() if key != 'path'}
            file.write(image, _found_objects(number, found, category_ids))
    if files.ground_truth is None:
        return
    info = files.info_of(task, classes, (image['path'] for image in tested.values()))
    with CocoFile(files.ground_truth, classes, category_ids, info, 'the ground truth') as file:
        # Images of the annotation file that the config leaves out of the test count in the metrics, too.
        for number in dict.fromkeys((*tested, *coco.imgs)):
            known = coco.imgs[number]
            named = {key: known[key] for key in ('id', 'file_name', 'width', 'height') if key in known}
            file.write(tested.get(number, named), _true_objects(coco.imgToAnns[number], set(category_ids)))


def write_labels(
    files: ResultFiles, images: Sequence[LabeledImage], classes: Sequence[str], category_ids: Sequence[int]
) -> None:
    """Write the files of a segmentor: of each image one annotation per class.

    Args:
        files: Where.
        images: What was found and what is true.
        classes: Names of the classes.
        category_ids: The number of each class in the data.

    Raises:
        UserError: A file cannot be written.
    """
    paths = [_absolute(image.path) for image in images]
    names = _names(paths)
    info = files.info_of('semantic', classes, paths)
    for path, kind in (files.predictions, 'found'), (files.ground_truth, 'truth'):
        if path is None:
            continue
        of_truth = (info, 'the ground truth') if kind == 'truth' else ()
        with CocoFile(path, classes, category_ids, *of_truth) as file:
            for number, (image, place) in enumerate(zip(images, paths, strict=True), 1):
                entry = dict(id=number, file_name=names[place], width=image.width, height=image.height)
                if kind == 'truth':
                    entry['path'] = place
                pixels = getattr(image, kind).items()
                file.write(entry, (mask_annotation(number, category_ids[label], rle) for label, rle in pixels))


def refuse_foreign(path: Path) -> None:
    """Refuse to overwrite a file of the ground truth that no test has written: it may be the user's own.

    Raises:
        UserError: It is such a file.
    """
    try:
        with open(path, 'rb') as file:
            foreign = file.read(len(_BEGINNING)) != _BEGINNING
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f'cannot write the ground truth to {path}: {error.strerror or error}') from error
    if foreign:
        raise UserError(
            f'{path} is not from a test, which would overwrite it: choose another --work-dir, or move the file away'
        )


def _found_objects(number: int, found: dict[str, Any], category_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    masks = found.get('masks', repeat(None))
    objects = zip(found['labels'].tolist(), found['bboxes'], found['scores'].tolist(), masks)  # noqa: B905
    for label, box, score, mask in objects:
        if annotation := object_annotation(number, category_ids[label], box, score, mask):
            yield annotation


def _true_objects(annotations: Iterable[dict[str, Any]], category_ids: set[int]) -> Iterator[dict[str, Any]]:
    for item in annotations:
        box = [float(value) for value in item['bbox']]
        if item['category_id'] not in category_ids or not all(map(isfinite, box)):
            continue
        annotation = {key: item[key] for key in ('id', 'image_id', 'category_id')}
        annotation |= dict(bbox=box, area=item.get('area', box[2] * box[3]), iscrowd=int(bool(item.get('iscrowd'))))
        if mask := item.get('segmentation'):
            annotation['segmentation'] = rle_text(mask) if isinstance(mask, dict) else mask
        yield annotation


def _absolute(path: str) -> str:
    return os.path.abspath(path) if path else ''


def _folders(images: Iterable[str]) -> list[str]:
    """The deepest folder that holds all images; on Windows, one on each drive."""
    deepest: dict[str, str] = {}
    for folder in {os.path.dirname(image) for image in images if image}:
        drive = os.path.splitdrive(folder)[0]
        deepest[drive] = os.path.commonpath((deepest.get(drive, folder), folder))
    return sorted(deepest.values())


def _names(paths: Sequence[str]) -> dict[str, str]:
    """The path of each image relative to the deepest folder that holds all, with slashes."""
    folders = _folders(paths)
    if len(folders) != 1:
        return {path: Path(path).as_posix() for path in paths}
    return {path: Path(path).relative_to(folders[0]).as_posix() for path in paths}
