"""What a check finds wrong and goes on without, for those who want to see all of it instead of the first error."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple


class RepairedBox(NamedTuple):
    """A box that is not used as it is written.

    Attributes:
        image: Path of its image.
        name: Its class.
        box: x, y, width and height in pixels, as they are written.
        kind: ``dropped``, for it has no area in its image, or ``clipped``, for it reaches beyond its image.
    """

    image: str
    name: str
    box: tuple[float, float, float, float]
    kind: Literal['dropped', 'clipped']


@dataclass
class Findings:
    """What was found while data was read.

    Attributes:
        unreadable: Path of each file that cannot be read -> the reason. The images, or pairs, are left out.
        boxes: Boxes that are not used as they are written.
    """

    unreadable: dict[str, str] = field(default_factory=dict)
    boxes: list[RepairedBox] = field(default_factory=list)

    def add_boxes(
        self,
        annotations: Iterable[Mapping[str, Any]],
        data: Mapping[str, Any],
        folder: Path,
        kind: Literal['dropped', 'clipped'],
    ) -> None:
        """Add the boxes of annotations.

        Args:
            annotations: Of a COCO file, as they are written.
            data: Content of this file.
            folder: Folder that file names are relative to.
            kind: See :class:`RepairedBox`.
        """
        annotations = list(annotations)
        if not annotations:
            return
        files = {image['id']: str(folder / image['file_name']) for image in data['images']}
        names = {category['id']: category['name'] for category in data['categories']}
        for item in annotations:
            x, y, width, height = item['bbox']
            self.boxes.append(
                RepairedBox(files[item['image_id']], names[item['category_id']], (x, y, width, height), kind)
            )


_current: ContextVar[Findings | None] = ContextVar('findings', default=None)


@contextmanager
def collecting_findings() -> Iterator[Findings]:
    """Within the block, unreadable files are collected and left out instead of refused, unless all of a list are.

    Formats are many and read files at different moments, so this holds for all that is read in the block.
    """
    token = _current.set(Findings())
    try:
        found = _current.get()
        assert found is not None
        yield found
    finally:
        _current.reset(token)


def current_findings() -> Findings | None:
    """What the enclosing block collects; None outside of one."""
    return _current.get()
