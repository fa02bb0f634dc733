"""The table of measurements, as a CSV file and as Markdown."""

import csv
import datetime
import re
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ...utils.atomic_write import atomic_write
from .timing import Timing

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
    'device',
    'pytorch',
    'cuda',
    'cudnn',
    'date',
)


def machine(device: str) -> dict[str, str]:
    """The columns that say where and with what a row was measured."""
    gpu = device == 'cuda'
    return dict(
        device=torch.cuda.get_device_name() if gpu else 'CPU',
        pytorch=torch.__version__,
        cuda=str(torch.version.cuda) if gpu else '',
        cudnn=str(torch.backends.cudnn.version()) if gpu else '',
        date=datetime.date.today().isoformat(),
    )


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
    rows: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = machine(self.device)

    @property
    def path(self) -> Path | None:
        name = re.sub(r'[^a-z0-9]+', '-', self.machine['device'].lower()).strip('-')
        return self.folder / f'{name}.csv' if self.folder else None

    def add(self, timing: Timing | None, **columns) -> None:
        """Add a row; `timing` is None where the step does not fit the device's memory."""
        row = dict.fromkeys(COLUMNS, '') | columns | self.machine
        if timing is not None:
            low, high = timing.spread
            row |= dict(
                median_ms=f'{timing.median:.2f}',
                p10_ms=f'{low:.2f}',
                p90_ms=f'{high:.2f}',
                images_per_second=f'{1000 * columns["batch"] / timing.median:.1f}',
                peak_gb=f'{timing.peak_bytes / 1e9:.2f}',
            )
        self.rows.append(row)
        print(' | '.join(str(row[column]) for column in COLUMNS[:14]), flush=True)
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.path) as partial, partial.open('w', newline='') as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(self.rows)
