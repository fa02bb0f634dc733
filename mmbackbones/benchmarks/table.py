"""The table of measurements, as a CSV file and on the screen."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..utils.atomic_write import atomic_write
from .machine import machine
from .timing import Timing

Row = dict[str, str]
# What can stand in the column `form`, besides implementations of operators.
OURS, COMPILED = 'eager', 'compiled'
AUTHORS, AUTHORS_AS_COMMANDS = 'authors-form', 'authors-form, our memory setting'
# Each column has its meaning in docs/benchmarks.md. What a row has no value for is empty.
COLUMNS = (
    'network',
    'backbone',
    'height',
    'width',
    'task',
    'batch',
    'precision',
    'form',
    'layout',
    'median_ms',
    'p10_ms',
    'p90_ms',
    'images_per_second',
    'peak_gb',
    'times_faster',
    'share_of_peak',
    'device',
    'instructions',
    'python',
    'pytorch',
    'cuda',
    'cudnn',
    'date',
)
_SHOWN = [name for name in COLUMNS[: COLUMNS.index('device')] if name != 'images_per_second']
_WIDTHS = dict(network=16, backbone=30, task=9, precision=9, form=32, layout=7)  # of columns of words on the screen


def read_rows(file: Path) -> list[Row]:
    """The rows of a table's CSV file; columns that an older file lacks are empty."""
    with file.open(newline='', encoding='utf-8') as lines:
        return [dict.fromkeys(COLUMNS, '') | row for row in csv.DictReader(lines)]


def file_name(device: str) -> str:
    """The name of the CSV file of a device, without its suffix."""
    return re.sub(r'[^a-z0-9]+', '-', device.lower()).strip('-')


@dataclass
class Table:
    """Rows as they come; each is printed, and the whole file is written anew, so that what is measured stays.

    Attributes:
        device: ``cuda`` or ``cpu``.
        folder: Where the CSV file goes, named after the device; None writes none.
        rows: What was measured so far.
    """

    device: str
    folder: Path | None = None
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = machine(self.device)

    @property
    def path(self) -> Path | None:
        return self.folder / f'{file_name(self.machine["device"])}.csv' if self.folder else None

    def add(
        self,
        timing: Timing | None,
        baseline: Timing | None = None,
        least_milliseconds: float = 0.0,
        **columns: object,
    ) -> None:
        """Add a row.

        Args:
            timing: What was measured; None where the step does not fit the device's memory.
            baseline: What the time is compared with.
            least_milliseconds: Time that as many multiply-adds take in a product of large matrices; 0 if not known.
            columns: Those of :data:`COLUMNS` that say what was measured.
        """
        row = dict.fromkeys(COLUMNS, '') | {key: str(value) for key, value in columns.items()} | self.machine
        if timing is not None:
            low, high = timing.spread
            row |= dict(
                median_ms=f'{timing.median:.2f}',
                p10_ms=f'{low:.2f}',
                p90_ms=f'{high:.2f}',
                images_per_second=f'{1000 * int(row["batch"] or 1) / timing.median:.1f}',
                peak_gb=f'{timing.peak_bytes / 1e9:.3f}',
            )
            if baseline is not None:
                row['times_faster'] = f'{baseline.median / timing.median:.2f}'
            if least_milliseconds:
                row['share_of_peak'] = f'{least_milliseconds / timing.median:.2f}'
        if not self.rows:
            print(_line(dict(zip(COLUMNS, COLUMNS, strict=True))))
        self.rows.append(row)
        print(_line(row), flush=True)
        self._write()

    def _write(self) -> None:
        if self.path is None:
            return
        with atomic_write(self.path) as partial, partial.open('w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator='\n')
            writer.writeheader()
            writer.writerows(self.rows)


def _line(row: Row, columns: Sequence[str] = _SHOWN) -> str:
    cells = (row[key].ljust(_WIDTHS[key]) if key in _WIDTHS else row[key].rjust(len(key)) for key in columns)
    return ' | '.join(cells).rstrip()
