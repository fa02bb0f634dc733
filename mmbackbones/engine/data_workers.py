"""Data workers: they leave signals to the main process, and their loss ends a run in one sentence.

Ctrl-C and schedulers signal all processes of a run at once. The main process needs its workers until it has saved a
checkpoint, and ends them afterwards.
"""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from ..errors import RunFailed, interruption, summarize_error

_ENDING = (signal.SIGINT, signal.SIGTERM)
_LOST = 'DataLoader worker (pid'  # how PyTorch's sentences begin
_LOOK = 2.0  # seconds between looks whether the main process is still there


class LeaveSignals:
    """Initializes a data worker: it ignores SIGINT, and SIGTERM unless the main process sends it.

    It ends soon after a main process that was killed. PyTorch's own look for that comes too late for a worker that is
    about to hand on a large batch, which nobody takes from it. Where a signal does not say who sent it (outside Linux),
    SIGTERM is left as it is.

    Args:
        then: What else the worker calls at its start, with its number.
    """

    def __init__(self, then: Callable[[int], object] | None) -> None:
        self.then = then

    def __call__(self, worker_id: int) -> None:
        # Objects of the main process are not collected here: PyAV's frames would wait for its threads forever.
        gc.freeze()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if hasattr(signal, 'sigtimedwait'):
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            Thread(target=_await_end, args=(os.getppid(),), daemon=True).start()
        if self.then is not None:
            self.then(worker_id)


def _await_end(main_process: int) -> None:
    """End this process at a SIGTERM of the main process, which busy workers get, or once that has ended."""
    while os.getppid() == main_process:
        received = signal.sigtimedwait([signal.SIGTERM], _LOOK)
        if received and received.si_pid == main_process:
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


@contextmanager
def noticing_lost_workers(kept: Callable[[], str]) -> Iterator[None]:
    """Within the block, turn what PyTorch says when a data worker is missing into one sentence.

    Args:
        kept: Says what is left of the run.

    Raises:
        RunFailed: A data worker was killed, or has ended by itself.
    """
    try:
        yield
    except RuntimeError as error:
        # PyTorch raises it wherever the main process is at the moment, so it may be the cause of another one.
        lost = next((text for text in map(summarize_error, _causes(error)) if text.startswith(_LOST)), None)
        if lost is None or interruption(error):
            raise
        raise RunFailed(
            f'a data worker was lost ({lost}), most often because memory ran out; use fewer workers (--cfg-options '
            f'train_dataloader.num_workers=N) or smaller batches; {kept()}'
        ) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
