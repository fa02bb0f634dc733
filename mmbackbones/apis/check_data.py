"""The verb ``check-data``: a check of a data folder."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ..datasets import DetectionData, SegmentationData, has_boxes, has_label_maps, load_detection, load_segmentation
from ..datasets.checks.label_table import LabelRow, format_rows
from ..datasets.checks.masks import MaskError
from ..datasets.formats import describe, find_format
from ..errors import UserError, printable
from ..utils.paths import absolute


@dataclass(frozen=True)
class TaskReport:
    """What a data folder holds of one kind of annotations.

    Attributes:
        format: Name of the format, such as ``COCO 2017``.
        classes: Names of the classes; the index is the label.
        images: Number of images of each split, ``train``, ``val`` and, if there is one, ``test``.
        objects: Number of boxes of each split that are trained on, or counted in evaluation; empty for label maps.
        summary: All of this on one line.
        notes: What was noticed, repaired or split, one line each.
        ready_for: The models that can be trained on it.
        not_ready_for: Models for which something is missing, and what it is, in words.
        labels: What each value in label maps stands for, in rising order: the value as text (colors as ``(r, g, b)``),
            the name of its class, or None where its pixels are ignored, and its share of all pixels.
    """

    format: str
    classes: tuple[str, ...]
    images: dict[str, int]
    objects: dict[str, int]
    summary: str
    notes: tuple[str, ...]
    ready_for: tuple[str, ...]
    not_ready_for: dict[str, str] = field(default_factory=dict)
    labels: tuple[LabelRow, ...] = ()

    @property
    def lines(self) -> list[str]:
        """The report as text; class and file names are escaped where they are not printable."""
        verdict = [f'ready for {" and ".join(self.ready_for)}']
        verdict += [f'not for {model}: {reason}' for model, reason in self.not_ready_for.items()]
        table = format_rows(self.labels) if self.labels else []
        return [printable(line) for line in (self.summary, *table, *self.notes, '; '.join(verdict))]


@dataclass(frozen=True)
class DataReport:
    """What a data folder holds, and what can be trained on it; as text, the lines that ``check-data`` prints.

    Attributes:
        root: The folder, an absolute path.
        label_maps: What it holds for segmentors; None: no label maps.
        boxes: What it holds for detectors; None: no boxes.
    """

    root: Path
    label_maps: TaskReport | None
    boxes: TaskReport | None

    @property
    def ready_for(self) -> tuple[str, ...]:
        """The models that can be trained on the folder."""
        return tuple(model for task in self._tasks for model in task.ready_for)

    @property
    def has_masks(self) -> bool:
        """Whether every object has a mask that Mask R-CNN can be trained on."""
        return self.boxes is not None and not self.boxes.not_ready_for

    @property
    def _tasks(self) -> list[TaskReport]:
        return [task for task in (self.label_maps, self.boxes) if task]

    def __str__(self) -> str:
        return '\n'.join(line for task in self._tasks for line in task.lines)


def check_data(
    root: str | os.PathLike[str], background: str | None = None, ignore_label: int | None = None
) -> DataReport:
    """Check a data folder as a training run would before its first iteration; nothing in it is changed.

    Every annotation is read and every image decoded. One that holds boxes and label maps is checked for both.

    Example:
        >>> import mmbackbones as mmb
        >>> report = mmb.check_data('photos')
        >>> report.boxes.images, report.boxes.classes
        ({'train': 80, 'val': 20}, ('cat', 'dog'))
        >>> report.ready_for
        ('RetinaNet',)
        >>> print(report)
        /home/ann/photos: plain COCO, 2 classes; train 80 images, 214 boxes; val 20 images, 51 boxes
        ready for RetinaNet; not for Mask R-CNN: /home/ann/photos/annotations/train.json: no annotation has a mask

    Args:
        root: A folder in any of the known formats.
        background: Label 0, which is what no object covers in most label maps: ``'class'``, it is the first class, or
            ``'ignore'``, it is ignored, and label 1 is the first class. None: as the format says, or else as the
            labels tell.
        ignore_label: Pixels of this value in label maps are ignored, as those of 255 are unless it is a class.

    Returns:
        Classes, numbers of images and boxes, whatever was noticed or would be repaired, and which models can be
        trained on the folder.

    Raises:
        UserError: The folder is in no known format, or a training run would refuse it; the message names the file, and
            what to do.
    """
    path = absolute(root)
    boxes, label_maps = has_boxes(path), has_label_maps(path)
    if not label_maps and (background is not None or ignore_label is not None):
        raise UserError(
            f'--background and --ignore-label say how label maps are read, but {path} holds none; '
            f'the formats with label maps are:\n{describe("label maps")}'
        )
    if not boxes and not label_maps:
        find_format(path)  # raises a UserError that lists the formats
    with TemporaryDirectory() as out_dir:
        return DataReport(
            root=path,
            label_maps=_check_label_maps(path, out_dir, background, ignore_label) if label_maps else None,
            boxes=_check_boxes(path, out_dir) if boxes else None,
        )


def _check_label_maps(root: Path, out_dir: str, background: str | None, ignore_label: int | None) -> TaskReport:
    data = load_segmentation(root, out_dir, background=background, ignore_label=ignore_label)
    return _report(data, {}, ('UperNet', 'Semantic FPN'), {})


def _check_boxes(root: Path, out_dir: str) -> TaskReport:
    ready: tuple[str, ...] = ('RetinaNet', 'Mask R-CNN')
    refused = {}
    try:
        data = load_detection(root, out_dir, masks=True)
    except MaskError as error:
        data = load_detection(root, out_dir)
        ready, refused = ready[:1], {'Mask R-CNN': str(error)}
    return _report(data, {name: split.boxes for name, split in data.splits.items()}, ready, refused)


def _report(
    data: DetectionData | SegmentationData, objects: dict[str, int], ready: tuple[str, ...], refused: dict[str, str]
) -> TaskReport:
    images = {name: split.images for name, split in data.splits.items()}
    labels = data.rows if isinstance(data, SegmentationData) else ()
    return TaskReport(data.format, data.classes, images, objects, data.summary, data.notes, ready, refused, labels)
