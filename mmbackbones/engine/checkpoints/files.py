"""The checkpoints of a run in a folder that may hold those of others, too."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...weights import load_from_file
from .record import read_record, run_of

_PASSING = 'iter_{}.pth'


class CheckpointFiles:
    """Names and files of the checkpoints that one run writes.

    Args:
        folder: Where they are.
        template: Name of a regular checkpoint, with ``{}`` for its position.
        resumed: Whether the run is resumed; the files of another one are all from this process.
        run: The id of the run that is resumed, as its checkpoint says.
    """

    def __init__(self, folder: Path, template: str, resumed: bool = False, run: str | None = None) -> None:
        self.folder, self.template = folder, template
        self._resumed, self._run = resumed, run
        self._mine: dict[str, bool] = {}  # file name -> whether this run wrote it
        self._passing: set[Path] = set()
        self._kept: list[int] = []  # positions of regular checkpoints

    # Names.

    def path(self, step: int) -> Path:
        """A regular checkpoint."""
        return self.folder / self.template.format(step)

    def passing_path(self, iteration: int) -> Path:
        """A checkpoint that is kept until the next one is written."""
        return self.folder / _PASSING.format(iteration)

    def best_path(self, key: str, step: int | None) -> Path:
        """The best checkpoint by a metric."""
        return self.folder / f'best_{key}_{self.template.format(step)}'.replace('/', '_')

    # What is there.

    def best(self, key: str) -> list[tuple[int, Path]]:
        """Position and path of each best checkpoint by a metric, of any run."""
        return self._find(f'best_{key}_'.replace('/', '_'), self.template)

    def _find(self, prefix: str, template: str) -> list[tuple[int, Path]]:
        number = re.sub(r'\\\{.*?\\\}', r'(\\d+)', re.escape(template))
        found = ((re.fullmatch(re.escape(prefix) + number, path.name), path) for path in self.folder.glob('*'))
        return [(int(match[1]), path) for match, path in found if match and path.is_file()]

    # Whose it is.

    def wrote(self, path: Path, passing: bool = False) -> None:
        """Note that this run wrote a file."""
        self._mine[path.name] = True
        (self._passing.add if passing else self._passing.discard)(path)

    def is_mine(self, path: Path) -> bool:
        """Whether this run wrote a file."""
        if path.name not in self._mine:
            content = self._read(path) if self._resumed else None
            self._mine[path.name] = isinstance(content, Mapping) and run_of(content) == self._run
            if isinstance(content, Mapping) and self._mine[path.name] and read_record(content).passing:
                self._passing.add(path)
        return self._mine[path.name]

    def is_passing(self, path: Path) -> bool:
        """Whether this run wrote a file to be kept until the next checkpoint is written."""
        return self.is_mine(path) and path in self._passing

    # What goes.

    def keep_regular(self, step: int, number: int) -> None:
        """Keep a regular checkpoint and those before it, `number` of them in all; any number if that is 0 or less."""
        if number > 0 and step not in self._kept:
            self._kept.append(step)
            for old in self._kept[:-number]:
                self.path(old).unlink(missing_ok=True)
            self._kept = self._kept[-number:]

    def remove_earlier(self, step: int, iteration: int, resumed: Path, number: int) -> None:
        """Remove what the run that is resumed would have removed next, and what it was killed before removing.

        Args:
            step: Position of the resumed checkpoint, as the names of regular ones count.
            iteration: Its position in iterations.
            resumed: That checkpoint.
            number: How many regular checkpoints are kept; all if it is 0 or less.
        """
        for position, path in self._find('', _PASSING):
            if position <= iteration:
                self.is_passing(path)
        regular = sorted(
            (position, path)
            for position, path in self._find('', self.template)
            if position <= step and self.is_mine(path) and not self.is_passing(path)
        )
        self.remove_passing(but=resumed)
        for position, _ in regular:
            self.keep_regular(position, number)

    def remove_passing(self, but: Path) -> None:
        """Remove all that were only kept until now."""
        for path in self._passing - {but}:
            path.unlink(missing_ok=True)
        self._passing &= {but}

    @staticmethod
    def _read(path: Path) -> Any:
        try:
            return load_from_file(path, 'cpu')
        except UserError:  # no checkpoint, or a damaged one
            return None
