"""Runs that get a signal at a chosen moment: so long after their start, or at one of their writes."""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from errno import ENOSPC, EROFS
from pathlib import Path
from random import Random

from tests.helpers.kill import start_logged

TIMEOUT = 300  # seconds; a run of these tests takes a few
FAILING = {ENOSPC: ('open',), EROFS: ('open', 'move', 'remove')}  # which writes have an error
_OPENED_TO_WRITE = os.O_WRONLY | os.O_RDWR


@dataclass(frozen=True)
class Moment:
    """When a process gets a signal.

    Attributes:
        write: At which of its writes (a file opened for writing, moved or removed in the watched folder), counted from
            1; 0 is the start.
        delay: Seconds after it. None: just before that write, by the process itself.
    """

    write: int
    delay: float | None

    def __str__(self) -> str:
        begin = f'write {self.write}' if self.write else 'the start'
        return f'at {begin}' if self.delay is None else f'{self.delay:.4f} s after {begin}'


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Attributes:
        code: Exit code; a negative one is a signal's number.
        writes: Its writes, as ``open NAME``, ``move NAME`` or ``remove NAME``.
        output: What it printed.
        seconds: How long it ran.
        hit: Whether it was still running when the signal was due.
    """

    code: int
    writes: list[str]
    output: str
    seconds: float
    hit: bool


def draw_moment(random: Random, writes: int, seconds: float) -> Moment:
    """A moment of a run: of a third each anywhere in its time, just before a write, or within 10 ms after one.

    Args:
        random: Where it is drawn from.
        writes: How many writes such a run has.
        seconds: How long it takes.
    """
    kind = random.choice(('anywhere', 'before a write', 'after a write'))
    if kind == 'anywhere':
        return Moment(0, random.uniform(0, 0.9 * seconds))
    return Moment(random.randint(1, writes), None if kind == 'before a write' else random.uniform(0, 0.01))


def run_until(
    function: Callable[[], object],
    folder: Path,
    log: Path,
    moment: Moment | None = None,
    signum: int = signal.SIGKILL,
    group: bool = False,
    error: int = 0,
) -> Ending:
    """Call `function` in a forked process of its own, which at a moment gets a signal, or can write no more.

    Args:
        function: What to call; it is forked, not pickled.
        folder: Where writes are watched.
        log: File for what the process prints; its writes are listed in another one beside it.
        moment: When the signal comes; None: never.
        signum: The signal.
        group: Send it to the whole process group, as a terminal does and many schedulers do, not to the process alone.
        error: In place of the signal: the number of the error that writes have from the moment on.
    """
    listed = log.with_suffix('.writes')
    ready, tell_ready = os.pipe()

    def send() -> None:
        os.killpg(os.getpid(), signum) if group else os.kill(os.getpid(), signum)

    def count(done: int, kind: str = '', path: str = '') -> None:
        if moment is None:
            return
        if error:
            if done >= moment.write and kind in FAILING[error]:
                raise OSError(error, os.strerror(error), path)
        elif done == moment.write:
            if moment.delay is None:
                send()
            else:
                os.write(tell_ready, b'!')

    def watched() -> None:
        os.close(ready)
        _watch_writes(folder, listed, count)
        count(0)
        function()

    begin, hit = time.monotonic(), False
    process = start_logged(watched, log)
    os.close(tell_ready)
    if os.read(ready, 1):  # nothing if the process ends before
        process.join(moment.delay)
        hit = process.exitcode is None
        if hit:
            os.killpg(process.pid, signum) if group else os.kill(process.pid, signum)
    process.join(TIMEOUT)
    os.close(ready)
    if process.exitcode is None:
        os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f'still running after {TIMEOUT} s, see {log}')
    writes = listed.read_text().splitlines() if listed.exists() else []
    if moment and moment.delay is None:
        hit = len(writes) >= moment.write
    return Ending(process.exitcode, writes, log.read_text(), time.monotonic() - begin, hit)


def _watch_writes(folder: Path, listed: Path, count: Callable[[int, str, str], None]) -> None:
    """List each write in `folder` from now on, before it takes place, and call `count` with their number."""
    file = os.open(listed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    main, root, done = os.getpid(), f'{folder}{os.sep}', 0

    def watch(event: str, arguments: tuple) -> None:
        nonlocal done
        if event == 'open':
            path, _, flags = arguments
            kind = 'open' if flags & _OPENED_TO_WRITE else ''
        elif event == 'os.rename':
            path, kind = arguments[1], 'move'
        elif event == 'os.remove':
            path, kind = arguments[0], 'remove'
        else:
            return
        if kind and os.getpid() == main and isinstance(path, str | os.PathLike) and os.fspath(path).startswith(root):
            done += 1
            os.write(file, f'{kind} {Path(path).name}\n'.encode())
            count(done, kind, os.fspath(path))

    sys.addaudithook(watch)
