"""Losses, scores and boxes in float32, where a network computes in bfloat16 on a CPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

# What a head of MMDetection or MMSegmentation has that computes losses from its own outputs.
_LOSSES = ('loss_by_feat', 'loss_and_target')


@contextmanager
def float32_heads(model: nn.Module) -> Iterator[None]:
    """Within the block, all that the heads of a detector or segmentor return is float32.

    PyTorch's autocast computes a softmax, a sum or a power in float32 on GPUs, and on CPUs in the type of its input:
    with 8 significant bits, a loss would stop to change near its minimum, and many scores would be equal.

    Args:
        model: The model, with any wrapper around it.
    """
    heads = [module for module in model.modules() if any(hasattr(module, name) for name in _LOSSES)]
    own = [vars(head).get('forward') for head in heads]  # of a block around this one
    for head in heads:
        head.forward = _in_float32(head.forward)  # some heads call it by name, which passes by PyTorch's hooks
    try:
        yield
    finally:
        for head, forward in zip(heads, own, strict=True):
            if forward is None:
                del head.forward  # the method of its class is there again
            else:
                head.forward = forward


def _in_float32(forward: Callable[..., Any]) -> Callable[..., Any]:
    def compute(*args: Any, **kwargs: Any) -> Any:
        return to_float32(forward(*args, **kwargs))

    return compute


def to_float32(outputs: Any) -> Any:
    """`outputs`, any nesting of tuples, lists and dicts, with float32 in place of bfloat16."""
    if isinstance(outputs, torch.Tensor):
        return outputs.float() if outputs.dtype == torch.bfloat16 else outputs
    if isinstance(outputs, tuple) and hasattr(outputs, '_fields'):
        return type(outputs)(*map(to_float32, outputs))
    if isinstance(outputs, list | tuple):
        return type(outputs)(map(to_float32, outputs))
    if isinstance(outputs, dict):
        return {key: to_float32(value) for key, value in outputs.items()}
    return outputs
