"""What a format of data sets is: how a folder is recognized, which splits it has, and how each of them is read."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from ...errors import UserError
from ..checks.images import ImageInfo
from ..checks.label_maps import Pair
from .folder import Folder

Task = Literal['boxes', 'label maps']


class Format(ABC):
    """A data set in a folder of this format, its splits listed and nothing else read yet.

    Args:
        folder: The data folder, which the format matches.

    Attributes:
        name: Name of the format.
        task: What a folder of this format is annotated with.
        tools: The tools and data sets whose folders are in this format, each with the name of its export; empty if
            there is no choice of exports.
        expects: What the folder must hold, in one line of Markdown.
        tree: The folder as the documentation shows it: one path per line, indented by two spaces per level, folders
            with a slash at the end, a remark behind two spaces and ``#``.
        signs: What tells the format: paths that a folder of it has, as patterns of
            :meth:`~pathlib.Path.glob`, each with what it is in words. Of a folder in no format they tell what is
            missing for this one.
        root: The data folder, an absolute path.
        splits: For each split, in the order ``train``, ``val``, ``test``, what messages call its source: a path
            relative to `root`.
        notes: What the user should know about the folder, one line each.

    Raises:
        UserError: The folder matches, but its splits cannot be told.
    """

    name: ClassVar[str]
    task: ClassVar[Task]
    tools: ClassVar[Mapping[str, str]] = MappingProxyType({})
    expects: ClassVar[str]
    tree: ClassVar[str]
    signs: ClassVar[Mapping[str, str]]

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.root = folder.root
        self.splits: dict[str, str] = {}
        self.notes: list[str] = []

    @classmethod
    @abstractmethod
    def match(cls, folder: Folder) -> bool:
        """Whether a folder is in this format, as far as its file names and a look into a file or two tell.

        Raises:
            UserError: It is, but several files could be the same split.
        """

    @classmethod
    def explain_mismatch(cls, folder: Folder) -> str | None:
        """What keeps a folder that resembles this format from being in it; None if it does not resemble it."""
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
        boundary: Folder that no file name may leave; None: the data folder. The user must have named it.
        no_masks: Why outlines of objects are not read as masks, for messages; None: they are, or there are none.
    """

    data: dict[str, Any]
    image_dir: Path
    file: Path | None = None
    images: list[ImageInfo] | None = None
    notes: tuple[str, ...] = ()
    boundary: Path | None = None
    no_masks: str | None = None


class DetectionFormat(Format):
    """A format with boxes, and possibly instance masks.

    Attributes:
        common_classes: Whether one list of classes serves all splits, so that they cannot differ.
        file_per_image: Whether objects are in a file for each image, and an image without a file may have none.
        unused: The same folder in other formats that it matches.
    """

    task = 'boxes'
    common_classes: ClassVar[bool] = False
    file_per_image: ClassVar[bool] = False

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self.unused: list[DetectionFormat] = []

    @abstractmethod
    def read(self, split: str) -> Annotations:
        """Read the annotations of one of the `splits`.

        Raises:
            NoAnnotationsError: The split has no annotations.
            UserError: A file is missing or malformed; the message names it.
        """


@dataclass(frozen=True)
class LabelNames:
    """What the values in label maps stand for, as far as the format tells before a label map is read.

    Attributes:
        file: What tells it, for messages: a file, or the data folder where the format itself does.
        names: Names of the classes in the order of the labels, without `background_name`; None: nothing names them.
        values: The value of each of the `names` in the label maps; None: consecutive ones, from 0 or from 1.
        background_value: The value of what no class covers, where `background_name` is given.
        background_name: Its name, if it is a class only as ``--background class`` asks; None: if there is a background,
            it is one of the `names`.
        background: What ``--background`` is if it is left out: ``ignore``, from 1, so that value 0 is ignored;
            ``class``, from 0; None: what the labels themselves tell.
        ignored: Values that are ignored beside 255.
        ignored_names: Names of some of them.
        by_color: Whether label maps are color images: each of the `values`, which are then given, is 0xRRGGBB, and 255
            (pure blue) is as good as any.
    """

    file: Path
    names: tuple[str, ...] | None
    values: tuple[int, ...] | None = None
    background_value: int = 0
    background_name: str | None = None
    background: str | None = None
    ignored: frozenset[int] = frozenset()
    ignored_names: Mapping[int, str] = field(default_factory=dict)
    by_color: bool = False


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
    def read_label_names(self) -> LabelNames:
        """Read the names of the labels, which all splits share.

        Raises:
            UserError: They are malformed; the message names the file.
        """

    @abstractmethod
    def read(self, split: str, out_dir: Path) -> LabeledImages:
        """Read the images and label maps of one of the `splits`.

        Args:
            split: One of the `splits`.
            out_dir: Folder for label maps that the format does not hold, but describes otherwise.

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


def choose_splits(found: Format, root: Path, splits: Sequence[str] | None) -> list[str]:
    """The splits to be read, in the order ``train``, ``val``, ``test``.

    Args:
        found: A data set.
        root: What the user named, a folder or a file, for messages.
        splits: The splits that are asked for, as far as there are any; `train` needs `val`. Default: all.

    Raises:
        UserError: There are none of them, or one that training needs is missing.
    """
    existing = [split for served in assign_splits(found.splits) for split in served]
    wanted = [split for split in existing if splits is None or split in splits]
    if splits is None or 'train' in splits:
        missing = {'train', 'val'} - set(existing)
    else:
        missing = set() if wanted else set(splits)
    if missing:
        raise UserError(
            f'{root} ({found.name}) has no split {" or ".join(sorted(missing))}, only {", ".join(existing)}'
        )
    return wanted
