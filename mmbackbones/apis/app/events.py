"""What a browser sends with an event, which may be anything: read so that it is of use, or replaced by the usual."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .uploads import is_inside

LOWEST_SCORE = 0.05  # of the objects that are kept; the threshold goes no lower
USUAL_SCORE = 0.3


def sent_file(value: Any, folder: Path) -> tuple[Path | None, str]:
    """The file of an image that was sent, and its name on the reader's machine.

    Args:
        value: What Gradio says of it.
        folder: Folder of all files that are sent.

    Returns:
        None in place of the file if it is not there; the name may be any text.
    """
    if not isinstance(value, dict):
        return None, ''
    path, name = value.get('path'), value.get('orig_name')
    return Path(str(path)) if is_inside(path, folder) else None, name if isinstance(name, str) else 'image'


def score(value: Any) -> float:
    """A threshold for scores."""
    return float(_between(value, LOWEST_SCORE, 1, USUAL_SCORE))


def labels(value: Any, classes: Sequence[str]) -> list[int]:
    """Indices of classes."""
    return [label for label in value if label in range(len(classes))] if isinstance(value, list) else []


def point(value: Any, width: int, height: int) -> tuple[int, int]:
    """Column and row of a place in a picture; the middle by default."""
    x, y = value if isinstance(value, list | tuple) and len(value) == 2 else (None, None)
    return int(_between(x, 0, width - 1, width // 2)), int(_between(y, 0, height - 1, height // 2))


def _between(value: Any, lowest: float, highest: float, usual: float) -> float:
    if type(value) not in (int, float) or value != value:
        return usual
    return min(max(value, lowest), highest)
