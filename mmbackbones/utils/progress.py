"""Progress bars of long work, on standard error where that is a terminal, and lines elsewhere."""

import os
import sys
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

T = TypeVar('T')
_SILENCE = 30  # seconds between two lines where there is no terminal


def is_terminal(stream: Any) -> bool:
    """Whether a standard stream is a terminal; notebooks and windows without a console put other objects there."""
    return bool(getattr(stream, 'isatty', bool)())


def screen() -> Console:
    """The screen, for progress bars: standard error; ``is_terminal`` says whether it can show them.

    ``FORCE_COLOR``, which many test machines set, makes no terminal of a file or a pipe; ``TTY_COMPATIBLE=1`` does.
    """
    console = Console(stderr=True)
    is_file = not is_terminal(sys.stderr) and os.environ.get('TTY_COMPATIBLE') != '1'
    return Console(stderr=True, force_terminal=False) if is_file or console.is_dumb_terminal else console


def progress_bar(*columns: ProgressColumn, transient: bool = False, disable: bool = False) -> Progress:
    """A bar to be used in a ``with`` block.

    Args:
        columns: Columns of the bar. Default: description, bar, percentage and remaining time.
        transient: Whether the bar disappears at the end of the block.
        disable: Whether to show nothing on a terminal, either.
    """
    console = screen()
    return Progress(*columns, console=console, transient=transient, disable=disable or not console.is_terminal)


def track(items: Iterable[T], total: int, description: str) -> Iterator[T]:
    """Yield `items`, `total` of them, beside a bar that disappears after the last; no bar if there are none."""
    with progress_bar(transient=True, disable=not total) as bar:
        yield from bar.track(items, total, description=description)


def watch(items: Iterable[T], total: int | None, description: str) -> Iterator[T]:
    """Yield `items` of long work beside a bar with their number; without a terminal, a line says it from time to time.

    Args:
        items: Anything that is computed on the way.
        total: How many there are; None: that is not known.
        description: What is done, such as ``Predicting``.
    """
    columns = TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with progress_bar(*columns, transient=True) as bar:
        task, told = bar.add_task(description, total=total), monotonic()
        for number, item in enumerate(items, 1):
            yield item
            bar.update(task, completed=number)
            if not bar.console.is_terminal and monotonic() - told > _SILENCE:
                told = monotonic()
                print(f'{description}: {number}' + (f' of {total}' if total else ''), file=sys.stderr, flush=True)
