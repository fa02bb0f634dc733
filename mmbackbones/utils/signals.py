"""Signals that ask a process to end."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from ..errors import Terminated

_AT_ONCE = 0.5  # seconds; `timeout` and torchrun signal a process and its group, so that it gets the same signal twice


@contextmanager
def receiving(receive: Callable[[int], None], *numbers: int) -> Iterator[None]:
    """Within the block, call a function when a signal comes, rather than what was called before.

    A signal that this process ignores stays ignored, as Ctrl-C is for a job in the background. Outside the main thread,
    where Python allows no handlers, the block changes nothing. Forked processes leave Ctrl-C, which reaches them as
    well, to this one.

    Args:
        receive: Takes the number of the signal. It is called in the main thread, between any two of its steps.
        numbers: The signals.
    """
    owner, last = os.getpid(), dict.fromkeys(numbers, -_AT_ONCE)

    def handle(number: int, frame: Any) -> None:
        if os.getpid() != owner:
            if number != signal.SIGINT:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        before, last[number] = last[number], monotonic()
        if last[number] - before >= _AT_ONCE:
            receive(number)

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in numbers}
        # None: a handler that is not Python's own, and could not be put back.
        before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, handle)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def terminate(number: int) -> None:
    """End the process like Ctrl-C does, through all that cleans up.

    Raises:
        Terminated: Always.
    """
    raise Terminated(128 + number)
