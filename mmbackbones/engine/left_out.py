"""What a training run has left out, or put something else in the place of: how often, and because of which files."""

from collections.abc import Iterable
from typing import Any, TypeGuard

from ..errors import printable
from ..utils.text import counted

PART = 'left_out'  # of a checkpoint
_LISTED = 20  # file names in a message
_KEPT = 1000  # file names in a checkpoint


class LeftOut:
    """A count, and the names of the files that it is about.

    Attributes:
        count: How often it has happened.
        files: Names, in the order in which they came up; after the first thousand only their number is kept.
        more: How many names came up after these; one may have come up again.
    """

    def __init__(self) -> None:
        self.count = 0
        self.files: list[str] = []
        self.more = 0

    def add(self, files: Iterable[str], times: int = 1) -> list[str]:
        """Count something that happened `times` times.

        Args:
            files: Names of the files it is about.
            times: How often it happened.

        Returns:
            Those of the names that had not come up before.
        """
        self.count += times
        named = [name for name in dict.fromkeys(map(printable, files)) if name not in self.files]
        room = _KEPT - len(self.files)
        self.files += named[:room]
        self.more += len(named[room:])
        return named

    def listed(self) -> str:
        """The names of the files, of many the first twenty."""
        hidden = len(self.files) - _LISTED + self.more
        names = ', '.join(self.files[:_LISTED])
        return names if hidden <= 0 else f'{names} and {counted(hidden, "other")}, which the log names'

    def to_checkpoint(self, checkpoint: dict[str, Any], name: str) -> None:
        """Keep this in a checkpoint from which a run can be resumed.

        Args:
            checkpoint: Changed in place.
            name: What is counted; another one is beside it.
        """
        if self.count and 'optimizer' in checkpoint:
            kept = dict(count=self.count, files=list(self.files), more=self.more)
            checkpoint[PART] = {**checkpoint.get(PART, {}), name: kept}

    @classmethod
    def from_checkpoint(cls, checkpoint: dict[str, Any], name: str) -> 'LeftOut':
        """What :meth:`to_checkpoint` kept. Anybody may have written the file: empty if it is of another form."""
        part = checkpoint.get(PART)
        kept = part.get(name) if isinstance(part, dict) else None
        given: dict[str, Any] = kept if isinstance(kept, dict) else {}
        count, files, more = (given.get(key) for key in ('count', 'files', 'more'))
        found = cls()
        if _is_count(count) and _is_count(more) and isinstance(files, list):
            found.count, found.more = count, more
            found.files = [file for file in files[:_KEPT] if isinstance(file, str) and file.isprintable()]
        return found


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**53
