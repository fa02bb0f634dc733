"""Which convolutions and linear layers an operator, or a fold, may take the weights of instead of calling them."""

from torch import nn


def is_plain(layer: nn.Module) -> bool:
    """Whether calling `layer` is nothing but PyTorch's convolution or linear layer with its weight and bias.

    Other classes may do more, such as standardize the weight or add an update of low rank. A class that does not says
    so by an attribute ``is_plain`` of its own, which does not count for its subclasses.
    """
    plain = type(layer) in (nn.Conv2d, nn.Linear) or vars(type(layer)).get('is_plain', False)
    return plain and not is_watched(layer)


def is_watched(module: nn.Module) -> bool:
    """Whether hooks, or a wrapper of this very module, see what it takes and returns, and may change it."""
    hooks = module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks
    return any(map(bool, hooks)) or 'forward' in vars(module)
