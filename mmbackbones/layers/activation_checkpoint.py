"""Activation checkpointing that leaves no trace in the running statistics."""

from contextlib import contextmanager, nullcontext

import torch.utils.checkpoint
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def _paused_running_stats(module: nn.Module):
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats and m.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # not track_running_stats, which would change what is saved for the backward pass
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked -= 1


def activation_checkpoint(module: nn.Module, *inputs: Tensor):
    """Run ``module(*inputs)`` and keep only its inputs for the backward pass, which runs it again.

    Values, gradients and random draws are those of a plain call. Batch norms update their running statistics in the
    first run only: a second update in the backward pass would change what the trained network predicts.
    """
    if torch.compiler.is_compiling():
        # `torch.compile` takes no `context_fn`, and needs none: what a graph writes, it writes in its forward part.
        return torch.utils.checkpoint.checkpoint(module, *inputs, use_reentrant=False)
    return torch.utils.checkpoint.checkpoint(
        module, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), _paused_running_stats(module))
    )
