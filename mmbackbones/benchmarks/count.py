"""Multiply-adds, counted without arithmetic."""
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .materialised import materialised_attention


def multiply_adds(model: nn.Module, shape: tuple[int, ...]) -> float:
    """Multiply-adds of ``model(input of that shape)``: convolutions, linear layers, both products of each attention.

    The model is moved to the meta device, where its weights are gone.
    """
    # The counter knows the fused attention of GPUs only; written out, attention is made of products that it does know.
    with torch.no_grad(), materialised_attention(), FlopCounterMode(display=False) as counter:
        model.to('meta')(torch.zeros(shape, device='meta'))
    return counter.get_total_flops() / 2
