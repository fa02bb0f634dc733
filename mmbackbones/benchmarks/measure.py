"""Time and peak memory of one step of work, every sample in a process of its own."""

import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Step = Callable[[], object]
# Builds what is measured (a model, its input) and returns the step. It travels to another process, so it is a
# module's function or a `functools.partial` of one.
MakeStep = Callable[[], Step]

LONG = 5.0  # seconds after which a sample needs no further step to be the fastest of


@dataclass
class Samples:
    """What was measured of one form: seconds and bytes beyond what was there before, one entry a process."""

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


def compare(forms: dict[str, MakeStep], rounds: int = 5, steps: int = 4) -> dict[str, Samples]:
    """Measure every form once a round, in turn, so that a machine that slows down slows all of them.

    A sample is the fastest of `steps` steps (fewer if they are long), and the peak of resident memory during the first
    one, less what was resident before it. Memory is the whole process's, as a user meets it, not PyTorch's own count.
    """
    context = multiprocessing.get_context('spawn')
    samples = {name: Samples() for name in forms}
    for _ in range(rounds):
        for name, make_step in forms.items():
            with context.Pool(1) as pool:
                seconds, extra_bytes = pool.apply(_sample, (make_step, steps))
            samples[name].seconds.append(seconds)
            samples[name].extra_bytes.append(extra_bytes)
    return samples


def _sample(make_step: MakeStep, steps: int) -> tuple[float, int]:
    step = make_step()
    before = _resident('VmRSS')
    seconds = [_time(step)]
    extra_bytes = max(0, _resident('VmHWM') - before)
    while len(seconds) < steps and sum(seconds) < LONG:
        seconds.append(_time(step))
    return min(seconds), extra_bytes


def _time(step: Step) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _resident(line: str) -> int:
    """Bytes of resident memory: ``VmRSS`` now, ``VmHWM`` at its peak; where there is no /proc, the peak for both."""
    status = Path('/proc/self/status')
    if status.exists():
        for text in status.read_text().splitlines():
            if text.startswith(f'{line}:'):
                return int(text.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024
