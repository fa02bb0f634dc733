"""The table of exports, which each writer enters by the decorator `export`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.painted import SCENES, Scene


@dataclass(frozen=True)
class Export:
    """A data folder as a tool exports it.

    Attributes:
        write: Writes the folder; takes its path.
        format: Name of the format that it is recognized as.
        scenes: What it paints: split -> scenes.
        divided: Whether it names no validation split, so that it is divided 80/20.
        background: For label maps: whether the pixels of no object are a class (``class``) or ignored (``ignore``)
            unless the user says otherwise.
        called: What the format calls classes of `CLASSES` instead.
    """

    write: Callable[[Path], object]
    format: str
    scenes: dict[str, list[Scene]] = field(default_factory=lambda: SCENES)
    divided: bool = False
    background: str = 'class'
    called: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.write.__name__


BOXES: list[Export] = []
LABEL_MAPS: list[Export] = []


def export(table: list[Export], format: str, **options) -> Callable:
    """Enter a writer into a table."""

    def enter(write: Callable[[Path], object]) -> Callable[[Path], object]:
        table.append(Export(write, format, **options))
        return write

    return enter
