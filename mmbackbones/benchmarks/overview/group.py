"""What is measured beside each other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ..measure import Step
from ..table import AUTHORS, AUTHORS_AS_COMMANDS, COMPILED, OURS
from ..turns import Form

TASKS = ('inference', 'training')
Key = tuple[str, str]  # precision and form


@dataclass(frozen=True)
class Setting:
    """In what forms and precisions everything is measured.

    Attributes:
        device: ``cpu`` or ``cuda``.
        baseline: Whether to measure the authors' form as well.
        half: Whether the device has bfloat16.
        compiled: Whether to measure backbones that are compiled as well.
    """

    device: str = 'cpu'
    baseline: bool = False
    half: bool = False
    compiled: bool = False

    @property
    def precisions(self) -> tuple[str, ...]:
        return ('float32', 'bfloat16') if self.half else ('float32',)

    def forms(self, make: Callable[..., Step], compiled: bool = False, commands: bool = False) -> dict[Key, Form]:
        """The forms to measure of something.

        Args:
            make: Builds the step; takes ``form``, ``precision`` and ``device``.
            compiled: Whether there is a compiled form of it.
            commands: Whether to measure the baseline a second time, with memory that is allocated as in our commands.
        """
        return dict(self._forms(make, compiled, commands))

    def _forms(self, make: Callable[..., Step], compiled: bool, commands: bool) -> Iterator[tuple[Key, Form]]:
        def form(name: str, precision: str = 'float32', as_commands: bool = True) -> tuple[Key, Form]:
            kind = AUTHORS if name == AUTHORS_AS_COMMANDS else name
            step = partial(make, form=kind, precision=precision, device=self.device)
            return (precision, name), Form(step, as_commands)

        if self.baseline:
            yield form(AUTHORS, as_commands=False)
            if commands and self.device == 'cpu':
                yield form(AUTHORS_AS_COMMANDS)
        for precision in self.precisions:
            yield form(OURS, precision)
            if compiled and self.compiled:
                yield form(COMPILED, precision)


@dataclass(frozen=True)
class Group:
    """Forms of the same work, which are measured by turns.

    Attributes:
        columns: The columns of the table that say what it is.
        forms: The forms, by precision and name.
        multiply_adds: How many multiply-adds it takes; 0 where that is not known.
    """

    columns: dict[str, object]
    forms: dict[Key, Form]
    multiply_adds: int = 0
