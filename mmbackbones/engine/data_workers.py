"""Data workers that leave signals to the main process.

Ctrl-C and schedulers signal all processes of a run at once. The main process needs its workers until it has saved a
checkpoint, and ends them afterwards.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

_ENDING = (signal.SIGINT, signal.SIGTERM)
_LOOK = 2  # seconds after which a worker looks again whether the main process is there


class LeaveSignals:
    """Initializes a data worker: it ignores SIGINT, and SIGTERM unless the main process sends it.

    Where a signal does not say who sent it (outside Linux), SIGTERM is left as it is.

    Args:
        then: What else the worker calls at its start, with its number.
    """

    def __init__(self, then: Callable[[int], object] | None) -> None:
        self.then = then

    def __call__(self, worker_id: int) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if hasattr(signal, 'sigtimedwait'):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            Thread(target=_await_end, args=(os.getppid(),), daemon=True).start()
        if self.then is not None:
            self.then(worker_id)


def _await_end(main_process: int) -> None:
    """End this process at a SIGTERM of the main process, which sends it to workers that do not end by themselves.

    Also when the main process was killed: PyTorch's workers notice that, but then wait for someone to read what they
    have loaded, without end if it is more than a pipe holds.
    """
    while os.getppid() == main_process:
        received = signal.sigtimedwait([signal.SIGTERM], _LOOK)
        if received is not None and received.si_pid == main_process:
            break
    os._exit(0)


@contextmanager
def signals_held() -> Iterator[None]:
    """Let signals that end a process wait until the block is over, also in workers started in it."""
    if not hasattr(signal, 'pthread_sigmask'):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
