"""The label maps of a split."""

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..checks.label_maps import IGNORE_INDEX, read_labels
from ..checks.label_table import LabelTable
from ..segmentation import SegmentationSplit


@dataclass(frozen=True)
class LabelMaps:
    """The images of a split and their label maps.

    Attributes:
        paths: Path of each image.
        maps: Path of the label map of each image.
        pixels: Of each image, class index -> number of its pixels, 255 for those that are ignored.
    """

    paths: tuple[str, ...]
    maps: tuple[str, ...]
    pixels: tuple[dict[int, int], ...]

    @property
    def per_image(self) -> npt.NDArray[np.int64]:
        """Number of classes in each image."""
        return np.array([len(counts.keys() - {IGNORE_INDEX}) for counts in self.pixels], np.int64)


def read_maps(split: SegmentationSplit) -> LabelMaps:
    """List the label maps of a split that has been checked."""
    pairs = json.loads(split.list_file.read_bytes())
    return LabelMaps(tuple(image for image, _ in pairs), tuple(label for _, label in pairs), split.pixels)


def read_classes(path: str, table: LabelTable) -> npt.NDArray[np.uint8]:
    """The index of the class of each pixel of a label map that has been checked, 255 where it is ignored."""
    values = read_labels(path)
    if table.in_indices:  # it was converted
        return values.astype(np.uint8)
    indices = np.array([table.index(value) for value in range(256)], np.uint8)
    return np.asarray(indices[values])
