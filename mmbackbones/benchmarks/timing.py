"""Time and peak memory of one step of work on a device."""

import statistics
from dataclasses import dataclass

import torch

from .measure import Step, time_once


@dataclass(frozen=True)
class Timing:
    """What was measured of one step.

    Attributes:
        milliseconds: One entry for each repetition.
        peak_bytes: The most that PyTorch's allocator had given out during the repetitions, weights and optimizer
            included; 0 on a CPU, where PyTorch does not count.
    """

    milliseconds: tuple[float, ...]
    peak_bytes: int

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def spread(self) -> tuple[float, float]:
        """The 10th and the 90th percentile."""
        ordered = sorted(self.milliseconds)
        return ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]


def measure(step: Step, device: str, warmup: int = 3, least: int = 5, most: int = 50, seconds: float = 1.0) -> Timing:
    """Repeat `step` for about `seconds` and time each repetition, the device idle before and after it.

    Args:
        step: What to time.
        device: ``cuda`` or ``cpu``; on a GPU, events on its own clock mark beginning and end.
        warmup: Repetitions before, in which kernels are chosen, compiled and loaded.
        least: The least number of repetitions.
        most: The largest.
        seconds: How long to go on between the two.
    """
    for _ in range(warmup):
        step()
    if device == 'cuda':
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    time_once = _on_gpu if device == 'cuda' else _on_cpu
    milliseconds: list[float] = []
    while len(milliseconds) < least or (len(milliseconds) < most and sum(milliseconds) < 1000 * seconds):
        milliseconds.append(time_once(step))
    return Timing(tuple(milliseconds), torch.cuda.max_memory_allocated() if device == 'cuda' else 0)


def _on_gpu(step: Step) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begin.record()
    step()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end)


def _on_cpu(step: Step) -> float:
    return 1000 * time_once(step, 'cpu')
