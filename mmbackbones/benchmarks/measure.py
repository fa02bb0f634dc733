"""Time and peak memory of one step of work, every sample in its own process."""

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from ..utils.host_memory import own_memory

Step = Callable[[], Any]
# Builds what is measured (a model, its input) and returns the step. It is sent to another process, so it must be a
# module's function or a `functools.partial` of one.
MakeStep = Callable[[], Step]
Name = TypeVar('Name', bound=Hashable)

_LONG = 5.0  # seconds; a sample of at least this length is not repeated to find the fastest


@dataclass
class Measurements:
    """What was measured of one variant, one entry per process.

    Attributes:
        seconds: Time of the fastest step.
        extra_bytes: Peak of memory during the first step, less what was in use before it.
    """

    seconds: list[float] = field(default_factory=list)
    extra_bytes: list[int] = field(default_factory=list)

    @property
    def median_seconds(self) -> float:
        return statistics.median(self.seconds)

    @property
    def median_megabytes(self) -> float:
        return statistics.median(self.extra_bytes) / 1e6

    def __str__(self) -> str:
        return (
            f'{self.median_seconds:.3f} s ({min(self.seconds):.3f}-{max(self.seconds):.3f}), '
            f'{self.median_megabytes:.0f} MB'
        )


def compare(
    variants: Mapping[Name, MakeStep], rounds: int = 5, steps: int = 4, device: str = 'cpu'
) -> dict[Name, Measurements]:
    """Measure every variant once per round, in turn, so that a machine that slows down slows all of them.

    A sample is the fastest of `steps` steps (fewer if they are long) and the peak of memory during the first one, less
    what was in use before it. On a CPU that is resident memory of the whole process, as a user sees it, not PyTorch's
    own count; on a GPU it is what PyTorch allocated there.

    Args:
        variants: Name -> a function that builds the step, called in another process.
        rounds: Number of samples per variant.
        steps: Number of steps per sample.
        device: Where the steps run, ``cpu`` or ``cuda``.
    """
    measured = {name: Measurements() for name in variants}
    for _ in range(rounds):
        for name, make_step in variants.items():
            seconds, extra_bytes = _in_own_process(make_step, steps, device)
            measured[name].seconds.append(seconds)
            measured[name].extra_bytes.append(extra_bytes)
    return measured


def _in_own_process(make_step: MakeStep, steps: int, device: str) -> tuple[float, int]:
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(_sample, (make_step, steps, device))


def _sample(make_step: MakeStep, steps: int, device: str) -> tuple[float, int]:
    step = make_step()
    before = memory_in_use(device, peak=False)
    seconds = [time_once(step, device)]
    extra_bytes = max(0, memory_in_use(device, peak=True) - before)
    while len(seconds) < steps and sum(seconds) < _LONG:
        seconds.append(time_once(step, device))
    return min(seconds), extra_bytes


def time_once(step: Step, device: str) -> float:
    """Seconds of one step, with an idle device before and after it."""
    if device != 'cpu':
        torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    if device != 'cpu':
        torch.cuda.synchronize()
    return time.perf_counter() - start


def memory_in_use(device: str, peak: bool) -> int:
    """Bytes of memory in use now, or at the peak so far; the peak for both on a system without /proc."""
    if device != 'cpu':
        if peak:
            return torch.cuda.max_memory_allocated()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    if counted := own_memory('VmHWM' if peak else 'VmRSS'):
        return counted
    maximum = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return maximum if sys.platform == 'darwin' else maximum * 1024
