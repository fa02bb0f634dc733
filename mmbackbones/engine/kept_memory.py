"""Freed memory stays with a training run or a test on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..utils.host_allocator import keeping_memory, settle
from .device import device_of


@contextmanager
def keeping_freed_memory(runner: Runner) -> Iterator[None]:
    """Within the block, keep freed memory for the next iteration, if the model computes on a CPU."""
    if device_of(runner.model).type != 'cpu':
        yield
        return
    runner.register_hook(KeptMemoryHook())
    with keeping_memory():
        yield


class KeptMemoryHook(Hook):
    """Bounds the memory that is kept."""

    priority = 'LOWEST'

    def _after_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        settle()
