"""A data set with boxes that has been checked: where it is, and what it holds."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..utils.text import counted


@dataclass(frozen=True)
class DetectionSplit:
    """A split that has been checked.

    Attributes:
        ann_file: COCO JSON, an absolute path.
        image_dir: Folder that the ``file_name`` of each image is relative to, an absolute path.
        images: Number of images that are trained on or evaluated.
        boxes: Number of boxes that are trained on, or counted in evaluation.
        backgrounds: Number of images without such a box.
        thinnest: File name, width and height of the image with the most extreme aspect ratio.
    """

    ann_file: Path
    image_dir: Path
    images: int
    boxes: int
    backgrounds: int
    thinnest: tuple[str, int, int]


@dataclass(frozen=True)
class DetectionData:
    """A data set with boxes that has been checked.

    Attributes:
        root: The folder, or the YAML file, an absolute path.
        format: Name of its format, such as ``COCO 2017``.
        classes: Names of the classes; the index is the label.
        splits: The splits that were asked for, in the order ``train``, ``val``, ``test``.
        notes: What the user should know, one line each: what was split, repaired, dropped.
    """

    root: Path
    format: str
    classes: tuple[str, ...]
    splits: dict[str, DetectionSplit]
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """What was found, on one line."""
        parts = [f'{self.root}: {self.format}, {counted(len(self.classes), "class", "classes")}']
        for name, split in self.splits.items():
            parts.append(f'{name} {counted(split.images, "image")}, {counted(split.boxes, "box", "boxes")}')
        if empty := [f'{split.backgrounds} of {name}' for name, split in self.splits.items() if split.backgrounds]:
            parts.append(f'images without a box: {", ".join(empty)}')
        return '; '.join(parts)

    def to_json(self) -> dict[str, Any]:
        """The data set as JSON can hold it."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> 'DetectionData':
        """The data set of which :meth:`to_json` gave this.

        Raises:
            LookupError: It did not, and something is missing.
            TypeError: It did not, and something is of another type.
        """
        splits = {name: _split_from_json(**split) for name, split in content['splits'].items()}
        lists = {key: tuple(content[key]) for key in ('classes', 'notes')}
        return cls(**content | lists | dict(root=Path(content['root']), splits=splits))


def _split_from_json(ann_file: str, image_dir: str, thinnest: list[Any], **counts: int) -> DetectionSplit:
    name, width, height = thinnest
    return DetectionSplit(Path(ann_file), Path(image_dir), thinnest=(name, width, height), **counts)
