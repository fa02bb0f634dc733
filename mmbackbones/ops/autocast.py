"""Autocast on CPUs, which knows PyTorch's own operators only."""

import torch
from torch import Tensor


def autocast(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """What an operator of ours computes with on a CPU: all three in autocast's type where it is on, but for float64."""
    if not torch.is_autocast_enabled('cpu'):
        return x, weight, bias
    return _cast(x), _cast(weight), None if bias is None else _cast(bias)


def _cast(t: Tensor) -> Tensor:
    return t if t.dtype == torch.float64 else t.to(torch.get_autocast_dtype('cpu'))
