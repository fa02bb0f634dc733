"""Time and peak memory of several forms of the same work, which take turns, each in a process of its own."""

import multiprocessing
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..utils.host_allocator import keep_memory, settle
from .measure import MakeStep, Step, memory_in_use, time_once
from .timing import Timing

Name = TypeVar('Name')
_FORGET_PEAK = Path('/proc/self/clear_refs'), '5'  # proc(5): the peak of resident memory starts anew
# What a process imports before it is forked for each form, where there is fork.
_IMPORTED = ['mmbackbones.benchmarks.overview']


@dataclass(frozen=True)
class Form:
    """One of the forms.

    Attributes:
        make_step: Builds what is measured, in the process of this form, and returns the step.
        as_commands: Whether memory is allocated in this process as in the commands ``train``, ``test`` and ``predict``,
            rather than as PyTorch comes.
    """

    make_step: MakeStep
    as_commands: bool = True


def take_turns(
    forms: Mapping[Name, Form], device: str = 'cpu', least: int = 3, most: int = 9, seconds: float = 10.0
) -> dict[Name, Timing | None]:
    """Time one step of each form, then again of each, and so on, so that a machine that slows down slows all of them.

    Each process stays for all of its turns. The first step of each, whose peak of memory is taken, and a second one are
    not timed: kernels are chosen and compiled in them, and memory comes from the system.

    Args:
        forms: What to measure, by name.
        device: Where the steps run, ``cpu`` or ``cuda``.
        least: The least number of turns.
        most: The largest.
        seconds: How long to go on between the two.

    Returns:
        For each form its timing; None where the step does not fit the device's memory. The peak is what the first step
        adds: of the process's resident memory on a CPU, of what PyTorch's allocator gave out on a GPU.
    """
    workers = {name: _Worker(form, device) for name, form in forms.items()}
    try:
        peaks = {name: worker.result() for name, worker in workers.items()}
        present = {name: workers[name] for name, peak in peaks.items() if peak is not None}
        taken: dict[Name, list[float]] = {name: [] for name in present}
        for worker in present.values():
            worker.step()
        start = time.perf_counter()
        for turn in range(most if present else 0):
            if turn >= least and time.perf_counter() - start > seconds:
                break
            for name, worker in present.items():
                taken[name].append(worker.step())
        return {name: Timing(tuple(taken[name]), peak) if peak is not None else None for name, peak in peaks.items()}
    finally:
        for worker in workers.values():
            worker.stop()


class _Worker:
    """The process of a form."""

    def __init__(self, form: Form, device: str) -> None:
        fork = 'forkserver' in multiprocessing.get_all_start_methods()
        context: Any = multiprocessing.get_context('forkserver' if fork else 'spawn')
        if fork:
            context.set_forkserver_preload(_IMPORTED)
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, form, device, torch.get_num_threads()), daemon=True)
        self._process.start()
        theirs.close()

    def result(self) -> Any:
        try:
            result = self._connection.recv()
        except EOFError:  # killed, as Linux does where there is no more memory
            return None
        if isinstance(result, BaseException):
            raise result
        return result

    def step(self) -> float:
        self._connection.send(True)
        if (milliseconds := self.result()) is None:
            raise MemoryError('a form that had memory for its first step has none for a later one')
        return float(milliseconds)

    def stop(self) -> None:
        self._connection.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _work(connection: Connection, form: Form, device: str, threads: int) -> None:
    warnings.simplefilter('ignore')  # the libraries' own
    torch.set_num_threads(threads)
    with suppress(EOFError, BrokenPipeError):  # until there are no more turns, or another form failed
        try:
            step, peak = _prepare(form, device)
            connection.send(peak)
            while connection.recv():
                connection.send(1000 * time_once(step, device))
        except (MemoryError, torch.OutOfMemoryError):
            connection.send(None)
        except EOFError:
            raise
        except Exception as error:
            connection.send(error)


def _prepare(form: Form, device: str) -> tuple[Step, int]:
    """The step, and the peak of memory of its first call."""
    if form.as_commands:
        keep_memory()
    step = _followed_by_settling(form.make_step()) if form.as_commands else form.make_step()
    with suppress(OSError):
        file, word = _FORGET_PEAK
        file.write_text(word)
    before = memory_in_use(device, peak=False)
    step()
    return step, max(0, memory_in_use(device, peak=True) - before)


def _followed_by_settling(step: Step) -> Step:
    """A step as our commands take it."""

    def step_and_settle() -> None:
        step()
        settle()

    return step_and_settle
