"""Calls in a process of their own that may take little time and memory, for files that would take all there is."""

import os
import resource
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import torch

from mmbackbones.errors import RunFailed, UserError

_MOST = 3 << 30  # bytes that a call may take before it is stopped


class Outcome(NamedTuple):
    """How a call ended.

    Attributes:
        said: The sentence of the error; ``done`` if there was none; otherwise what went wrong, after ``NOT REFUSED``.
        seconds: Of processor time that it took.
        megabytes: By which memory grew.
    """

    said: str
    seconds: float
    megabytes: float


def limited(function: Callable[[], object], seconds: int = 20) -> Outcome:
    """Call `function` in a forked process, which is killed when it has taken that much time, or 3 GiB of memory.

    Args:
        function: What to call; it is forked, not pickled.
        seconds: Of processor time; ten times as long passes before it is given up in any case.
    """
    receive, send = get_context('fork').Pipe(duplex=False)
    process = get_context('fork').Process(target=_child, args=(function, seconds, send))
    process.start()
    send.close()
    try:
        return Outcome(*receive.recv()) if receive.poll(10 * seconds) else Outcome('NOT REFUSED: too slow', 0, 0)
    except EOFError:
        process.join()
        return Outcome(f'NOT REFUSED: ended by {process.exitcode}', 0, 0)
    finally:
        process.kill()
        process.join()


def _child(function: Callable[[], object], seconds: int, send) -> None:
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (_status('VmSize') + _MOST,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    Path('/proc/self/clear_refs').write_text('5')  # the peak of memory is that of now
    before, start = _status('VmHWM'), time.process_time()
    try:
        function()
        said = 'done'
    except (UserError, RunFailed) as error:
        said = str(error) if not _is_of_memory(error) else f'NOT REFUSED: {error!r} after {error.__cause__!r}'
    except BaseException as error:
        said = f'NOT REFUSED: {error!r:.500}'
    send.send((said, time.process_time() - start, (_status('VmHWM') - before) / (1 << 20)))
    send.close()
    os._exit(0)


def _is_of_memory(error: BaseException | None) -> bool:
    """Whether an error was caused by the limit, which other machines do not have."""
    while error is not None:
        text = str(error).lower()
        if isinstance(error, MemoryError) or 'allocate' in text or 'insufficient memory' in text:
            return True
        error = error.__cause__ or error.__context__
    return False


def _status(name: str) -> int:
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f'{name}:'))
