"""What a format of data sets is: how a folder is recognized, which splits it has, and how each of them is read."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from ..checks.images import ImageInfo
from ..checks.label_maps import Pair

Task = Literal['boxes', 'label maps']


class Format(ABC):
    """A data set in a folder of this format, its splits listed and nothing else read yet.

    Args:
        root: The data folder, an absolute path that the format matches.

    Attributes:
        name: Name of the format.
        task: What a folder of this format is annotated with.
        expects: What the folder must hold, in one line of Markdown.
        splits: For each split, in the order ``train``, ``val``, ``test``, what messages call its source: a path
            relative to `root`.
        notes: What the user should know about the folder, one line each.

    Raises:
        UserError: The folder matches, but its splits cannot be told.
    """

    name: ClassVar[str]
    task: ClassVar[Task]
    expects: ClassVar[str]

    def __init__(self, root: Path) -> None:
        self.root = root
        self.splits: dict[str, str] = {}
        self.notes: list[str] = []

    @classmethod
    @abstractmethod
    def match(cls, root: Path) -> bool:
        """Whether the folder `root` (absolute) is in this format, as far as its file names tell.

        Raises:
            UserError: It is, but several files could be the same split.
        """

    @classmethod
    def explain_mismatch(cls, root: Path) -> str | None:
        """What keeps `root`, which resembles this format, from being in it; None if it does not resemble it."""
        return None


@dataclass(frozen=True)
class Annotations:
    """Boxes of a split in COCO form.

    Attributes:
        data: ``images``, ``annotations`` and ``categories``, each a list of objects; nothing else is checked yet.
        image_dir: Folder that the ``file_name`` of each image is relative to.
        file: COCO file that holds exactly `data`, to be used in place; None if there is none.
        images: What was found in each image file, where reading the format took decoding them.
        notes: What the user should know, one line each.
    """

    data: dict[str, Any]
    image_dir: Path
    file: Path | None = None
    images: list[ImageInfo] | None = None
    notes: tuple[str, ...] = ()


class DetectionFormat(Format):
    """A format with boxes, and possibly instance masks.

    Attributes:
        common_classes: Whether one list of classes serves all splits, so that they cannot differ.
    """

    task = 'boxes'
    common_classes: ClassVar[bool] = False

    @abstractmethod
    def read(self, split: str) -> Annotations:
        """Read the annotations of one of the `splits`.

        Raises:
            NoAnnotationsError: The split has no annotations.
            UserError: A file is missing or malformed; the message names it.
        """


@dataclass(frozen=True)
class ClassNames:
    """Names of the labels.

    Attributes:
        file: The file that gives them.
        names: The names in the order of the labels.
        background: How the file numbers its labels: ``ignore``, from 1, so that label 0 is ignored; ``class``, from 0;
            None if it does not say.
    """

    file: Path
    names: tuple[str, ...]
    background: str | None = None


@dataclass(frozen=True)
class LabeledImages:
    """Images of a split and their label maps.

    Attributes:
        pairs: Each image with its label map, decoded once and of the same size.
        notes: What the user should know, one line each.
    """

    pairs: list[Pair]
    notes: tuple[str, ...] = ()


class SegmentationFormat(Format):
    """A format with label maps for semantic segmentation."""

    task = 'label maps'

    @abstractmethod
    def read_class_names(self) -> ClassNames:
        """Read the names of the labels, which all splits share.

        Raises:
            UserError: They are missing or malformed; the message names the file.
        """

    @abstractmethod
    def read(self, split: str) -> LabeledImages:
        """Read the images and label maps of one of the `splits`.

        Raises:
            UserError: A file is missing or unreadable, or an image and its label map differ in size.
        """


def assign_splits(splits: dict[str, str]) -> dict[tuple[str, ...], str]:
    """Which splits each source serves: that of ``train`` serves ``val`` as well where there is none.

    Args:
        splits: Split -> source, as in :class:`Format`.

    Returns:
        Splits -> source, in the same order.
    """
    divided = 'train' in splits and 'val' not in splits
    return {('train', 'val') if divided and split == 'train' else (split,): source for split, source in splits.items()}
