"""Training in bfloat16, without loss scaling."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch import nn

from .float32_heads import float32_heads


@OPTIM_WRAPPERS.register_module()
class Bfloat16OptimWrapper(OptimWrapper):
    """Forward passes under PyTorch's autocast to bfloat16; weights, gradients and the optimizer stay in float32.

    bfloat16 has the range of float32, so that losses need no scale, and gradients that are not finite are a fault.
    MMEngine's ``AmpOptimWrapper`` refuses CPUs. Arguments are those of its ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[Any]:
        """The context of a forward pass and its losses."""
        with super().optim_context(model), torch.autocast(get_device(), torch.bfloat16), float32_heads(model):
            yield
