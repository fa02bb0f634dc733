"""Everything that a survey of a data set finds."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..checks.findings import Findings
from ..detection_data import DetectionData
from ..segmentation import SegmentationData
from .label_maps import LabelMaps, read_maps
from .near_duplicates import group_similar, hash_images
from .objects import Objects, read_objects
from .suspicious import Suspect, find_suspects, odd_maps, repaired_suspects


@dataclass(frozen=True)
class ClassCount:
    """How often a class occurs in a split.

    Attributes:
        images: Number of images with it.
        objects: Number of its objects; of label maps, of its pixels.
    """

    images: int
    objects: int


@dataclass(frozen=True)
class Survey:
    """What a data set holds.

    Attributes:
        data: The data set.
        splits: The content of each split.
        suspects: Labels of each split that may be wrong.
        similar: Groups of images that are nearly alike, each image with its split.
        unreadable: Path of each file that cannot be read -> the reason.
    """

    data: DetectionData | SegmentationData
    splits: dict[str, Objects] | dict[str, LabelMaps]
    suspects: dict[str, list[Suspect]]
    similar: list[list[tuple[str, str]]]
    unreadable: dict[str, str]

    @property
    def has_boxes(self) -> bool:
        """Whether the data has boxes, not label maps."""
        return isinstance(self.data, DetectionData)

    @cached_property
    def counts(self) -> dict[str, list[ClassCount]]:
        """Of each split, how often each class occurs."""
        return {split: _count(content, len(self.data.classes)) for split, content in self.splits.items()}

    @property
    def leaks(self) -> list[list[tuple[str, str]]]:
        """Groups of images in several splits that are nearly alike."""
        return [group for group in self.similar if len({split for split, _ in group}) > 1]

    @property
    def one_split_classes(self) -> dict[str, str]:
        """Class that occurs in a single split of several -> that split."""
        found = {}
        for index, name in enumerate(self.data.classes):
            having = [split for split, counts in self.counts.items() if counts[index].images]
            if len(having) == 1 < len(self.splits):
                found[name] = having[0]
        return found

    @property
    def unused_classes(self) -> list[str]:
        """Classes that occur nowhere."""
        return [
            name
            for index, name in enumerate(self.data.classes)
            if not any(counts[index].images for counts in self.counts.values())
        ]


def survey_boxes(data: DetectionData, findings: Findings, with_masks: Callable[[Objects], Collection[int]]) -> Survey:
    """Survey a data set with boxes.

    Args:
        data: The data set.
        findings: What was collected while it was read.
        with_masks: Given the objects of a split, the images whose masks to keep.
    """
    splits = {name: read_objects(split, with_masks) for name, split in data.splits.items()}
    suspects = {name: find_suspects(objects, data.classes) for name, objects in splits.items()}
    split_of = {path: name for name, objects in splits.items() for path in objects.paths}
    for suspect in repaired_suspects(findings):
        if suspect.image in split_of:
            suspects[split_of[suspect.image]].append(suspect)
    return Survey(data, splits, suspects, _find_similar(splits), findings.unreadable)


def survey_label_maps(data: SegmentationData, findings: Findings) -> Survey:
    """Survey a data set with label maps; the arguments are those of :func:`survey_boxes`."""
    splits = {name: read_maps(split) for name, split in data.splits.items()}
    suspects = {name: odd_maps(maps, data.classes) for name, maps in splits.items()}
    return Survey(data, splits, suspects, _find_similar(splits), findings.unreadable)


def _find_similar(splits: dict[str, Objects] | dict[str, LabelMaps]) -> list[list[tuple[str, str]]]:
    images = [(split, path) for split, content in splits.items() for path in dict.fromkeys(content.paths)]
    groups = group_similar(hash_images([path for _, path in images]))
    return [_train_first([images[index] for index in group]) for group in groups]


def _train_first(group: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(group, key=lambda item: ('train', 'val', 'test').index(item[0]))


def _count(content: Objects | LabelMaps, classes: int) -> list[ClassCount]:
    if isinstance(content, LabelMaps):
        return [
            ClassCount(sum(index in counts for counts in content.pixels), sum(c.get(index, 0) for c in content.pixels))
            for index in range(classes)
        ]
    labels, images = content.label[content.used], content.image[content.used]
    objects = np.bincount(labels, minlength=classes)
    pairs = np.unique(labels * len(content.paths) + images)
    with_class = np.bincount(pairs // max(1, len(content.paths)), minlength=classes)
    return [ClassCount(*counts) for counts in zip(with_class.tolist(), objects.tolist(), strict=True)]
