"""What a training run measures between two validations, and how a checkpoint carries it."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmengine.device import get_device
from torch import Tensor

from ..utils.result_columns import TRAINED, Row, columns_of

if sys.platform != 'win32':  # which does not tell
    import resource

_MEGABYTE = 2**20
_NUMBERS = ('images', 'working', 'seconds', 'memory', 'lr')


@dataclass
class TrainingFigures:
    """Sums since the last validation, and time since the run began, both across interruptions.

    Attributes:
        sums: Sum and number of values of each loss, and of whatever else the model gives of a batch.
        images: Number of images, of all processes.
        working: Seconds in which they were trained on; validations and checkpoints are left out.
        seconds: Seconds since the run began, as far as it was running.
        memory: Peak of memory in MB.
        lr: The last learning rate; NaN: there was none yet.
    """

    sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    images: float = 0.0
    working: float = 0.0
    seconds: float = 0.0
    memory: float = 0.0
    lr: float = math.nan

    def add(self, losses: dict[str, Any], images: int, working: float, lr: float) -> None:
        """Add an iteration."""
        for name, value in losses.items():
            number = value.item() if isinstance(value, Tensor) else float(value)
            if math.isfinite(number):
                total, count = self.sums.get(name, (0.0, 0))
                self.sums[name] = (total + number, count + 1)
        self.images += images
        self.working += working
        self.memory = max(self.memory, used_memory())
        self.lr = lr

    def take(self) -> Row:
        """The columns of a row, after which the sums begin anew."""
        row = dict(
            seconds=self.seconds,
            lr=self.lr,
            images_per_second=self.images / self.working if self.working else math.nan,
            memory_mb=self.memory or math.nan,
            **{f'{TRAINED}{name}': total / count for name, (total, count) in self.sums.items()},
        )
        self.sums, self.images, self.working, self.memory = {}, 0.0, 0.0, 0.0
        return row


def used_memory() -> float:
    """Peak of memory in MB: on a GPU since MMEngine last logged it, on a CPU of the process since it began."""
    device = get_device()
    if device == 'cuda':
        return torch.cuda.max_memory_allocated() / _MEGABYTE
    if device == 'mps':
        return torch.mps.driver_allocated_memory() / _MEGABYTE
    if sys.platform == 'win32':
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_MEGABYTE if sys.platform == 'darwin' else 1024)  # bytes or kilobytes


def to_checkpoint(rows: Sequence[Row], figures: TrainingFigures) -> dict[str, Any]:
    """Rows and figures as a checkpoint keeps them: numbers, names and a tensor with NaN for empty cells."""
    columns = columns_of(rows)
    cells = [[row.get(name, math.nan) for name in columns] for row in rows]
    return dict(
        columns=columns,
        rows=torch.tensor(cells, dtype=torch.float64).reshape(len(rows), len(columns)),
        sums={name: list(pair) for name, pair in figures.sums.items()},
        **{name: getattr(figures, name) for name in _NUMBERS},
    )


def from_checkpoint(given: Any) -> tuple[list[Row], TrainingFigures]:
    """Rows and figures of a checkpoint. Anybody may have written it: without what is not as :func:`to_checkpoint` does.

    Args:
        given: Numbers, texts, tensors and plain containers.
    """
    given = given if isinstance(given, dict) else {}
    sums = given.get('sums')
    figures = TrainingFigures(
        sums={
            name: (float(pair[0]), pair[1])
            for name, pair in (sums if isinstance(sums, dict) else {}).items()
            if isinstance(name, str)
            and isinstance(pair, list)
            and len(pair) == 2
            and _is_number(abs(pair[0]) if type(pair[0]) is float else None)  # a loss may be negative
            and type(pair[1]) is int
            and 0 < pair[1] < 2**53
        },
        **{name: float(given[name]) for name in _NUMBERS if _is_number(given.get(name))},
    )
    columns, table = given.get('columns'), given.get('rows')
    if (
        not isinstance(columns, list)
        or not all(isinstance(name, str) for name in columns)
        or not isinstance(table, Tensor)
        or table.shape[1:] != (len(columns),)
        or not {'iteration', 'seconds'} <= set(columns)
    ):
        return [], figures
    rows = [
        {name: value for name, value in zip(columns, values, strict=True) if math.isfinite(value)}
        for values in table.double().tolist()
    ]
    return [row for row in rows if 'iteration' in row], figures


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300 and value >= 0
