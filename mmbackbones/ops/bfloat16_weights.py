"""Weights that stay the same, in bfloat16 and in the order in which a CPU's matrix unit takes them."""

from functools import cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn


class _Prepared(NamedTuple):
    of: tuple[Tensor | None, ...]  # the weight and the bias
    versions: tuple[tuple[int, int], ...]  # of these: PyTorch counts changes in place; and where they are
    weight: Tensor
    bias: Tensor | None


_PREPARED: WeakKeyDictionary[nn.Module, _Prepared] = WeakKeyDictionary()


def make_final(network: nn.Module) -> None:
    """Say that no weight of a network will change any more, so that what follows from it may be kept.

    Without this it may not: averages of weights, such as those of an EMA, change in a way that PyTorch does not count.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            vars(layer)['is_final'] = True


def is_final(layer: nn.Module) -> bool:
    """Whether :func:`make_final` was called for the network of `layer`."""
    return 'is_final' in vars(layer)


def prepared(module: nn.Conv2d | nn.Linear, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """The weight and bias of a layer in bfloat16, for oneDNN's operators, prepared once for as long as they stay.

    Autocast converts weights that take no gradients at each call, and oneDNN reorders them at each call: on small maps
    that takes two thirds of the time. The order that AMX asks for is the same for all sizes of the input. Without AMX
    it is not, and a wrong one is many times slower: there, weights are only converted.

    Args:
        module: A layer whose weights take no gradients.
        x: Its input, in bfloat16.
    """
    weight, bias = module.weight, module.bias
    given = [t for t in (weight, bias) if t is not None]
    versions = tuple((0 if t.is_inference() else t._version, t.data_ptr()) for t in given)
    found = _PREPARED.get(module)
    if found is None or found.versions != versions or found.of[0] is not weight or found.of[1] is not bias:
        ordered = _in_order(module, weight.detach().bfloat16(), x)
        found = _Prepared((weight, bias), versions, ordered, None if bias is None else bias.detach().bfloat16())
        _PREPARED[module] = found
    return found.weight, found.bias


def _in_order(module: nn.Conv2d | nn.Linear, weight: Tensor, x: Tensor) -> Tensor:
    if not _has_amx():
        return weight
    if isinstance(module, nn.Linear):
        return torch.ops.mkldnn._reorder_linear_weight(weight, None)
    geometry = (module.padding, module.stride, module.dilation, module.groups)
    return torch.ops.mkldnn._reorder_convolution_weight(weight, *geometry, list(x.shape))


@cache
def _has_amx() -> bool:
    names = ('_reorder_linear_weight', '_reorder_convolution_weight')
    supported = getattr(torch.cpu, '_is_amx_tile_supported', lambda: False)
    return all(hasattr(torch.ops.mkldnn, name) for name in names) and supported()
