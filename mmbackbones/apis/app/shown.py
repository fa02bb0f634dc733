"""What a model found in an image, kept so that other thresholds and classes need no other prediction."""

import re
from collections import OrderedDict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np

from ...evaluation.coco_form import encode
from ...prediction.prediction import Prediction
from ...utils.masks import dense_masks
from ...visualization.drawing import is_background

Array = np.ndarray[Any, Any]

_KEPT = 2  # pictures of one kind
_READABLE = 640  # pixels of the longer side that a drawing should have
_NO_CLASS = -1  # in a label map: pixels that are drawn as they are


class Shown:
    """An image on a page, and all that was found in it.

    Args:
        prediction: What was found, down to the lowest threshold.
        file: The file of the image, which is removed with it.
        name: Name of the file, any text.
        size: A sentence on the size of the image, if it was changed.

    Attributes:
        image: The image, uint8 (H, W, 3) in RGB.
        stem: A name for drawings of it.
        size: As given.
        scale: By how much drawings of it are larger, so that names in them can be read.
        total: Number of all objects; of a segmentor, of all classes.
    """

    def __init__(self, prediction: Prediction, file: Path, name: str, size: str = '') -> None:
        image, masks = prediction.image, prediction.masks
        # Run lengths, since a hundred masks take a hundred times the memory of the image.
        self._masks = None if masks is None else [encode(mask) for mask in masks]
        self._found = replace(prediction, masks=None, read_image=lambda: image)
        self._files = {'image': [file]}
        self.image = image
        self.stem = re.sub(r'\W+', '_', Path(name).stem)[:60].strip('_') or 'image'
        self.size = size
        self.scale = max(1, _READABLE // max(image.shape[:2]))
        self.total = len(prediction.classes if prediction.segmentation is not None else prediction.boxes)

    def chosen(self, score_thr: float, labels: Collection[int]) -> Prediction:
        """What was found with at least a score, of some classes.

        Args:
            score_thr: The score. What a segmentor finds has none.
            labels: Indices of the classes; none for all.
        """
        found = self._found
        if found.segmentation is not None:
            kept = np.isin(found.segmentation, list(labels)) if labels else np.True_
            return replace(found, segmentation=np.where(kept, found.segmentation, _NO_CLASS))
        keep = found.scores >= np.float32(score_thr)
        if labels:
            keep &= np.isin(found.labels, list(labels))
        height, width = self.image.shape[:2]
        masks = None
        if self._masks is not None:
            masks = dense_masks([self._masks[i] for i in np.flatnonzero(keep)], height, width)
        return replace(
            found, boxes=found.boxes[keep], scores=found.scores[keep], labels=found.labels[keep], masks=masks
        )

    def draw(self, found: Prediction) -> Array:
        """Draw what was chosen, `scale` times as large as the image."""
        scale, (height, width) = self.scale, self.image.shape[:2]
        if scale == 1:
            return found.draw()
        large = cv2.resize(self.image, (width * scale, height * scale), interpolation=cv2.INTER_CUBIC)
        segmentation, masks = (
            None if pixels is None else pixels.repeat(scale, axis=-1).repeat(scale, axis=-2)
            for pixels in (found.segmentation, found.masks)
        )
        return replace(
            found, boxes=found.boxes * scale, masks=masks, segmentation=segmentation, read_image=lambda: large
        ).draw()

    def replace(self, what: str, path: Path) -> None:
        """Note a new picture, and remove those before the last one, which a browser may still be loading."""
        pictures = self._files.setdefault(what, [])
        pictures.append(path)
        for old in pictures[:-_KEPT]:
            _remove(old)
        del pictures[:-_KEPT]

    def files(self) -> list[Path]:
        """The files that belong to it."""
        return [path for paths in list(self._files.values()) for path in list(paths)]

    def forget(self, kept: Collection[Path]) -> None:
        """Remove the files, except for those that others have, too: the same image is sent to the same place."""
        for path in self.files():
            if path not in kept:
                _remove(path)


class LastShown:
    """The last image of each page that is open, as many as memory is meant for.

    Args:
        most: Number of pages. Of another one, the page that was used least recently has to send its image again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._pages = OrderedDict[str, Shown]()
        self._lock = Lock()

    def put(self, page: str, shown: Shown) -> None:
        """Keep an image in place of the one before."""
        with self._lock:
            old = [self._pages.pop(page)] if page in self._pages else []
            self._pages[page] = shown
            if len(self._pages) > self._most:
                old.append(self._pages.popitem(last=False)[1])
        kept = self.files()
        for each in old:
            each.forget(kept)

    def get(self, page: str) -> Shown | None:
        """The image of a page; None if it has none, or no longer."""
        with self._lock:
            if page in self._pages:
                self._pages.move_to_end(page)
            return self._pages.get(page)

    def drop(self, page: str) -> None:
        """Forget the image of a page, with its files."""
        with self._lock:
            old = self._pages.pop(page, None)
        if old is not None:
            old.forget(self.files())

    def files(self) -> set[Path]:
        """The files of all images."""
        with self._lock:
            return {path for shown in self._pages.values() for path in shown.files()}


def _remove(path: Path) -> None:
    """Remove a file, and its folder, which holds no other."""
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()


@dataclass(frozen=True)
class ObjectRow:
    """An object in the table: index and name of its class, score, and where it is in pixels."""

    label: int
    name: str
    score: float
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class ClassRow:
    """A class in the legend of a segmentor: index and name, its share of the pixels, and whether they are tinted."""

    label: int
    name: str
    share: float
    tinted: bool


def object_rows(found: Prediction) -> list[ObjectRow]:
    """The objects, by falling score."""
    rows = []
    for label, score, box in zip(found.labels.tolist(), found.scores.tolist(), found.boxes, strict=True):
        if np.isfinite(box).all():
            left, top, right, bottom = np.round(box).astype(int).tolist()
            rows.append(ObjectRow(label, found.classes[label], score, left, top, right - left, bottom - top))
    return rows


def class_rows(found: Prediction) -> list[ClassRow]:
    """The classes of a label map, the largest first."""
    assert found.segmentation is not None
    labels, counts = np.unique(found.segmentation, return_counts=True)
    shares = counts / found.segmentation.size
    rows = [
        ClassRow(label, found.classes[label], share, not is_background(found.classes[label]))
        for label, share in zip(labels.tolist(), shares.tolist(), strict=True)
        if 0 <= label < len(found.classes)
    ]
    return sorted(rows, key=lambda row: -row.share)
