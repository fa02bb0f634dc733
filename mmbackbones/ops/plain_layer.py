"""Layers that do what their class and their weight say, and nothing else."""

from torch import nn

from .recording import is_recording


def is_plain(layer: nn.Module, *others: type[nn.Module]) -> bool:
    """Whether a call of `layer` may be replaced by an operator that reads its weight and bias.

    It may not where others have a say: adapters such as LoRA and quantized layers take the place of a layer, subclasses
    and wrappers change what it computes, and hooks look at its input and output.

    Args:
        layer: Whatever stands where a network was built with a convolution or a linear layer.
        others: Further classes that compute as PyTorch's two do.
    """
    if not (type(layer) in (nn.Conv2d, nn.Linear, *others) or getattr(layer, 'is_plain', False)):
        return False
    hooks = layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks
    return not hooks and (is_recording() or 'forward' not in vars(layer))
