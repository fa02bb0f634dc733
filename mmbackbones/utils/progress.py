"""Progress bars of long work: on standard error, and only where that is a terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, ProgressColumn

T = TypeVar('T')


def progress_bar(*columns: ProgressColumn, transient: bool = False, disable: bool = False) -> Progress:
    """A bar to be used in a ``with`` block.

    Args:
        columns: Columns of the bar. Default: description, bar, percentage and remaining time.
        transient: Whether the bar disappears at the end of the block.
        disable: Whether to show nothing on a terminal, either.
    """
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=transient, disable=disable or not console.is_terminal)


def track(items: Iterable[T], total: int, description: str) -> Iterator[T]:
    """Yield `items`, `total` of them, beside a bar that disappears after the last; no bar if there are none."""
    with progress_bar(transient=True, disable=not total) as bar:
        yield from bar.track(items, total, description=description)
