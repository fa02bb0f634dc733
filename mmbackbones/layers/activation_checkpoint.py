"""Activation checkpointing: less memory in training, the same values, gradients and running statistics."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

import torch
import torch.utils.checkpoint
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

State = tuple[Tensor, ...]  # a network between two of its modules: the feature map, and what it carries beside it


def as_state(out: Tensor | State) -> State:
    """The result of a module that returns a single tensor or several, as a tuple."""
    return out if isinstance(out, tuple) else (out,)


def run_blocks(blocks: Iterable[nn.Module], *state: Tensor, with_cp: bool) -> State:
    """Run the blocks of a stage, each on what the one before it returned.

    Args:
        blocks: The blocks; each returns as many tensors as it takes.
        state: What the first block takes.
        with_cp: Checkpoint the activations of each block. Without gradients nothing is saved, and it has no effect.

    Returns:
        What the last block returned, as a tuple.
    """
    for block in blocks:
        use_checkpoint = with_cp and torch.is_grad_enabled()
        state = as_state(activation_checkpoint(block, *state) if use_checkpoint else block(*state))
    return state


def activation_checkpoint(module: nn.Module, *inputs: Tensor) -> Tensor | State:
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


@contextmanager
def _paused_running_stats(module: nn.Module) -> Iterator[None]:
    """A forward pass in training mode that leaves the running statistics of batch norms as they are."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats and m.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # not track_running_stats, which would change what is saved for the backward pass
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked.sub_(1)
