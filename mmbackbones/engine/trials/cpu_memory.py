"""Memory that training steps take on a CPU, measured in a process of their own."""

import gc
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import RLock, Thread

import torch
from mmengine.utils import manager

from ...errors import UserError, summarize_error
from ...utils.host_memory import at_most, own_memory

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_SCORE = Path('/proc/self/oom_score_adj')


def can_measure() -> bool:
    """Whether memory can be measured here: on Linux only."""
    return resource is not None and sys.platform == 'linux'


def measure_on_cpu(steps: Callable[[], None], available: int) -> int | None:
    """Bytes of main memory that training steps add to those of this process.

    They are taken in a forked process, which may use no more than is available, and is the first to be killed if the
    machine runs out of memory nevertheless.

    Args:
        steps: Takes the steps.
        available: Bytes that may be used.

    Returns:
        The peak; None if there is not enough memory.

    Raises:
        UserError: The steps fail for another reason.
    """
    context = get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(steps, available, torch.get_num_threads(), sender), daemon=True)
    child.start()
    sender.close()
    try:
        used, failure = receiver.recv()
    except EOFError:  # it was killed
        used, failure = None, None
    finally:
        receiver.close()
        child.kill()
        child.join()
    if failure:
        raise UserError(f'a trial of training steps failed: {failure}')
    return used


def _measure(steps: Callable[[], None], available: int, threads: int, sender: Connection) -> None:
    gc.freeze()  # as in data workers
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    quiet = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(quiet, stream.fileno())
    with suppress(OSError):
        _SCORE.write_text('1000')
    before = own_memory('VmRSS')
    result: list = [None, None]

    def work() -> None:
        try:
            torch.set_num_threads(threads)
            steps()
            used = own_memory('VmHWM') - before
            # The limit is one of addresses, of which freed memory keeps some: it may be exceeded without an error.
            result[0] = used if used <= available else None
        except BaseException as error:  # what an allocation that fails raises depends on who asked for the memory
            result[1] = None if _is_about_memory(error) else summarize_error(error)

    # The threads that this process computed with before it was forked are gone, and OpenMP would wait for them for
    # ever; to a new thread it gives new ones. MMEngine's lock stays with the main thread for good once an error was
    # raised under it.
    manager._lock = RLock()
    thread = Thread(target=work)
    with at_most(available):
        thread.start()
        thread.join()
    sender.send(tuple(result))


def _is_about_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError | OSError) and bool(
        re.search(r'memory|bad_alloc|could not create a primitive|start new thread', str(error))
    )
