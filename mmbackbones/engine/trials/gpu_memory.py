"""Memory that training steps take on a CUDA GPU."""

import gc
import re
from collections.abc import Callable

import torch


def available_on_gpu() -> int:
    """Bytes of the current GPU that this process can use: what is free, and what it has and does not use."""
    _free()
    free, _ = torch.cuda.mem_get_info()
    return free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()


def measure_on_gpu(steps: Callable[[], None]) -> int | None:
    """Peak of the bytes that the tensors of training steps take on the current GPU.

    Args:
        steps: Takes the steps, and keeps nothing of them.

    Returns:
        The peak, without what was there before; None if there is not enough memory.
    """
    _free()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    try:
        steps()
        torch.cuda.synchronize()
        used = torch.cuda.max_memory_allocated() - before
    except RuntimeError as error:  # OutOfMemoryError is one; cuBLAS and cuDNN raise others
        if not _is_about_memory(error):
            raise
        used = None
    _free()  # here, where the exception no longer holds the tensors of the frames that it came through
    torch.cuda.reset_peak_memory_stats()  # which the run reports as its own
    return used


def _free() -> None:
    """Give memory that no tensor uses back to the GPU."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _is_about_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.cuda.OutOfMemoryError) or bool(
        re.search(r'out of memory|ALLOC\w*FAILED|unable to find an engine|workspace', str(error), re.IGNORECASE)
    )
