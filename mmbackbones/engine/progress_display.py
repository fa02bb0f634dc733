"""What a run shows on the screen while it goes on: a bar on a terminal, lines elsewhere."""

import sys
from dataclasses import dataclass, field
from time import monotonic

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..utils.progress import is_terminal, screen
from ..utils.text import duration

_PAUSE = 0.25  # seconds between two pictures of the bar
_SILENCE = 30  # seconds between two lines where there is no terminal


@dataclass
class Stage:
    """Something that is done step by step.

    Attributes:
        name: What, such as ``epoch 3/12`` or ``validation``.
        total: Number of steps.
        done: Number of those done.
        unit: What a step is called.
    """

    name: str
    total: int
    done: int = 0
    unit: str = 'batch'


@dataclass
class State:
    """How far a run is.

    Attributes:
        stages: What is done at the moment: training, and the validation within it.
        left: Seconds until the end, if that can be told.
        figures: Pairs of a short text and its value, such as ``('loss', '0.482')``.
    """

    stages: list[Stage] = field(default_factory=list)
    left: float | None = None
    figures: list[tuple[str, str]] = field(default_factory=list)

    def line(self) -> str:
        """All of it as one line."""
        stage = self.stages[-1]
        parts = [f'{name} {value}'.strip() for name, value in self.figures]
        if self.left is not None:
            parts.append(f'about {duration(self.left)} left')
        if len(self.stages) > 1:
            parts = []  # the figures are those of the training run, not of the validation within it
        name = '' if stage.name == stage.unit else f'{stage.name}, '
        return f'{name}{stage.unit} {stage.done}/{stage.total}' + (f': {", ".join(parts)}' if parts else '')


class ProgressDisplay:
    """Shows a :class:`State`; to be used as a ``with`` block.

    The bar is on standard error, like all bars, if that is a terminal. There is no thread that draws it: data workers
    are forked from this process, and would inherit the locks of such a thread.

    Args:
        console: The screen; by default standard error.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or screen()
        self.state = State()
        self._told = monotonic()
        self._live = Live(
            console=self.console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=is_terminal(sys.stdout),
            get_renderable=self._picture,
        )

    def __enter__(self) -> 'ProgressDisplay':
        if self.console.is_terminal:
            self._live.start()
        self._told = monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.state = State()
        self._live.stop()

    def is_due(self) -> bool:
        """Whether it is time for :meth:`show`."""
        return monotonic() - self._told > (_PAUSE if self.console.is_terminal else _SILENCE)

    def show(self) -> None:
        """Show the state."""
        self._told = monotonic()
        if self._live.is_started:
            self._live.refresh()
        elif self.state.stages:
            print(self.state.line(), flush=True)

    def show_bar(self) -> None:
        """Show the state at once if there is a terminal."""
        if self._live.is_started:
            self.show()

    def tell(self, line: str) -> None:
        """Show a line that stays."""
        self.show_bar()
        self._told = monotonic()
        print(line, flush=True)  # above the bar, if standard output is the terminal that the bar is on

    def _picture(self) -> RenderableType:
        if not self.state.stages:
            return Text()
        bars = Table.grid(padding=(0, 2, 0, 0), expand=True)
        bars.add_column(no_wrap=True, min_width=len('validation'))
        bars.add_column(ratio=1)
        bars.add_column(no_wrap=True, justify='right')
        bars.add_column(no_wrap=True)
        for number, stage in enumerate(self.state.stages):
            left = f'{duration(self.state.left)} left' if self.state.left is not None and number == 0 else ''
            bar = ProgressBar(total=stage.total, completed=stage.done)
            bars.add_row(Text(stage.name), bar, Text(f'{stage.done}/{stage.total}'), Text(left, style='cyan'))
        return Group(bars, *self._figure_lines())

    def _figure_lines(self) -> list[Text]:
        """The figures, as many in a line as fit in whole."""
        lines = [Text()]
        for name, value in self.state.figures:
            figure = Text.assemble(f'{name} ' if name else '', (value, 'bold'))
            if lines[-1] and lines[-1].cell_len + 2 + figure.cell_len > self.console.width:
                lines.append(Text())
            lines[-1] += Text('  ' if lines[-1] else '') + figure
        return lines
