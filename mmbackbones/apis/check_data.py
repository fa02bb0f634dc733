"""The verb ``check-data``: a check of a data folder."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ..datasets import DetectionData, SegmentationData, load_detection, load_segmentation
from ..datasets.checks.label_table import LabelRow, format_rows
from ..datasets.checks.masks import MaskError
from ..datasets.convert import write_ade20k, write_coco
from ..datasets.formats import find_format, find_tasks
from ..errors import UserError, printable
from ..utils.folders import new_folder, require_new
from ..utils.paths import absolute, path_text
from ..utils.text import clipped


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
        return [printable(clipped(line)) for line in (self.summary, *table, *self.notes, '; '.join(verdict))]


@dataclass(frozen=True)
class DataReport:
    """What a data folder holds, and what can be trained on it; as text, the lines that ``check-data`` prints.

    Attributes:
        root: The folder, or the YAML file, an absolute path.
        label_maps: What it holds for segmentors; None: no label maps.
        boxes: What it holds for detectors; None: no boxes, or only label maps were asked for.
        written: What was written for `convert`, one line each.
    """

    root: Path
    label_maps: TaskReport | None
    boxes: TaskReport | None
    written: tuple[str, ...] = ()

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
        return '\n'.join([*(line for task in self._tasks for line in task.lines), *map(printable, self.written)])


def check_data(
    root: str | os.PathLike[str],
    background: str | None = None,
    ignore_label: int | None = None,
    label_maps: bool = False,
    convert: str | os.PathLike[str] | None = None,
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
        ready for RetinaNet; not for Mask R-CNN: /home/ann/photos/annotations/train.json: no annotation has a mask, ...

    Args:
        root: A folder in any of the known formats, or a YAML file that names the files of each split.
        background: Label 0, which is what no object covers in most label maps: ``'class'``, it is the first class, or
            ``'ignore'``, it is ignored, and label 1 is the first class. None: as the format says, or else as the
            labels tell.
        ignore_label: Pixels of this value in label maps are ignored, as those of 255 are unless it is a class.
        label_maps: Whether to check label maps only, as a segmentor would be trained on them; if no file holds any,
            they are drawn from the masks of objects.
        convert: A new folder to which everything that was read is written: boxes and masks as plain COCO, label maps in
            ADE20K's layout. None: nothing is written.

    Returns:
        Classes, numbers of images and boxes, whatever was noticed or would be repaired, and which models can be
        trained on the folder.

    Raises:
        UserError: The folder is in no known format, or a training run would refuse it; the message names the file, and
            what to do. Or `convert` is not new, or lies in the data folder.
    """
    if not os.fspath(root):  # an unset shell variable
        raise UserError('the name of the data folder is empty: name a folder; the current one is .')
    path, target = absolute(root), path_text('convert', convert)
    tasks = find_tasks(path)
    boxes, maps = 'boxes' in tasks, 'label maps' in tasks
    if not boxes and not maps:
        find_format(path)  # raises a UserError that says what to do
    if not maps and not label_maps and (background is not None or ignore_label is not None):
        raise UserError(
            f'--background and --ignore-label say how label maps are read, but {path} holds boxes: add --label-maps to '
            'read the masks of its objects as label maps'
        )
    out = _check_target(absolute(target), path) if target else None
    with TemporaryDirectory() as out_dir:
        map_data, box_data, box_report = None, None, None
        if maps or label_maps:
            map_data = load_segmentation(path, out_dir, background=background, ignore_label=ignore_label)
        if boxes and not label_maps:
            box_data, box_report = _check_boxes(path, out_dir)
        return DataReport(
            root=path,
            label_maps=_report(map_data, {}, ('UperNet', 'Semantic FPN'), {}) if map_data else None,
            boxes=box_report,
            written=tuple(_write(out, map_data, box_data)) if out else (),
        )


def _check_target(out: Path, root: Path) -> Path:
    """Raise UserError, before hours of work, for an output folder that is not new, or lies in the data folder."""
    out = Path(os.path.realpath(out))  # a link to an empty folder is one
    require_new(out, '--convert')
    if root.is_dir() and out.is_relative_to(os.path.realpath(root)):
        raise UserError(
            f'--convert: {out} lies in the data folder {root}, to which nothing is written: name a folder elsewhere'
        )
    return out


def _write(out: Path, label_maps: SegmentationData | None, boxes: DetectionData | None) -> Iterator[str]:
    """Write what was read, both kinds side by side, and say so in a line for each."""
    with new_folder(out, '--convert') as folder:
        if label_maps:
            yield write_ade20k(label_maps, folder, out)
        if boxes:
            yield write_coco(boxes, folder, out)


def _check_boxes(root: Path, out_dir: str) -> tuple[DetectionData, TaskReport]:
    ready: tuple[str, ...] = ('RetinaNet', 'Mask R-CNN')
    refused = {}
    try:
        data = load_detection(root, out_dir, masks=True)
    except MaskError as error:
        data = load_detection(root, out_dir)
        ready, refused = ready[:1], {'Mask R-CNN': str(error)}
    return data, _report(data, {name: split.boxes for name, split in data.splits.items()}, ready, refused)


def _report(
    data: DetectionData | SegmentationData, objects: dict[str, int], ready: tuple[str, ...], refused: dict[str, str]
) -> TaskReport:
    images = {name: split.images for name, split in data.splits.items()}
    labels = data.rows if isinstance(data, SegmentationData) else ()
    return TaskReport(data.format, data.classes, images, objects, data.summary, data.notes, ready, refused, labels)
