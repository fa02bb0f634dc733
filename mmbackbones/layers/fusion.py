"""Norms and layer scales folded into the convolutions beside them, for networks that only predict."""

import torch
from mmcv.cnn.bricks.wrappers import Conv2d, Linear
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..ops.plain_layers import is_plain, is_watched

_Layer = nn.Conv2d | nn.Linear


def fold_norm_after(layer: _Layer, norm: nn.Module) -> nn.Module:
    """Fold ``norm(layer(x))`` into `layer`, in place.

    Args:
        layer: A convolution or linear layer, whose result nothing but `norm` reads.
        norm: A norm in eval mode.

    Returns:
        What remains to be called after `layer`: an identity, or `norm` itself, with `layer` unchanged, where it cannot
        be folded. Group and layer norms depend on the input, and so does a batch norm in training mode or without
        running statistics.
    """
    affine = norm_affine(norm)
    if affine is None or not can_fold_into(layer):
        return norm
    scale, shift = affine
    weight, bias = _parameters(layer)
    _set_parameters(layer, weight * _per_output(scale, weight), bias * scale + shift)
    return nn.Identity()


def fold_norm_before(norm: nn.Module, layer: _Layer) -> nn.Module:
    """Fold ``layer(norm(x))`` into `layer`, in place.

    Args:
        norm: A norm in eval mode, whose result nothing but `layer` reads.
        layer: A convolution or linear layer.

    Returns:
        What remains to be called before `layer`: an identity, or `norm` itself, with `layer` unchanged, where it cannot
        be folded: as in :func:`fold_norm_after`, and in front of a convolution that pads, unless the norm shifts
        nothing. There the padding is a zero that the norm has not seen.
    """
    affine = norm_affine(norm)
    if affine is None or not can_fold_into(layer):
        return norm
    scale, shift = affine
    if isinstance(layer, nn.Conv2d) and layer.padding_mode == 'zeros' and _pads(layer) and bool(shift.any()):
        return norm
    weight, bias = _parameters(layer)
    groups = layer.groups if isinstance(layer, nn.Conv2d) else 1
    # (C_out, C_in / groups, 1, ...), the input channels of each output channel
    scale, shift = (_per_input(v, weight, groups) for v in (scale, shift))
    _set_parameters(layer, weight * scale, bias + (weight * shift).flatten(1).sum(1))
    return nn.Identity()


def fold_scale_after(layer: _Layer, scale: Tensor) -> nn.Module:
    """Fold ``scale * layer(x)``, such as a layer scale, into `layer`, in place.

    Args:
        layer: A convolution or linear layer, whose result nothing else reads, and :func:`can_fold_into` allows it.
        scale: One factor for each output channel, or for all of them.

    Returns:
        What remains to be called after `layer`: an identity.
    """
    weight, bias = _parameters(layer)
    scale = _float64(scale).expand(len(weight))
    _set_parameters(layer, weight * _per_output(scale, weight), bias * scale if layer.bias is not None else None)
    return nn.Identity()


def can_fold_into(*layers: nn.Module) -> bool:
    """Whether all `layers` are convolutions or linear layers that compute with the weights they hold.

    Subclasses may compute with others, such as convolutions that standardize theirs, and so may what runs before a
    layer, as a spectral norm does. And who looks at the result of a layer is to see what he has always seen.
    """
    return all(is_plain(layer) or (type(layer) in (Conv2d, Linear) and not is_watched(layer)) for layer in layers)


def norm_affine(norm: nn.Module) -> tuple[Tensor, Tensor] | None:
    """The scale and shift of each channel, in float64, by which `norm` maps its input; None if these are not fixed.

    Args:
        norm: Any norm. Fixed are those of batch norms in eval mode with running statistics, and without hooks.
    """
    if not isinstance(norm, _BatchNorm) or norm.training or norm.running_mean is None or norm.running_var is None:
        return None
    if is_watched(norm) or type(norm).forward not in (_BatchNorm.forward, nn.SyncBatchNorm.forward):
        return None  # it may compute something else
    mean, variance = _float64(norm.running_mean), _float64(norm.running_var)
    scale = (variance + norm.eps).rsqrt()
    if norm.affine:
        scale = _float64(norm.weight) * scale
    shift = -mean * scale
    if norm.affine:
        shift = shift + _float64(norm.bias)
    return scale, shift


def _pads(conv: nn.Conv2d) -> bool:
    return conv.padding == 'same' if isinstance(conv.padding, str) else any(conv.padding)


def _per_output(values: Tensor, weight: Tensor) -> Tensor:
    return values.view(-1, *[1] * (weight.dim() - 1))


def _per_input(values: Tensor, weight: Tensor, groups: int) -> Tensor:
    of_groups = values.view(groups, 1, -1).expand(-1, len(weight) // groups, -1)
    return of_groups.reshape(len(weight), -1, *[1] * (weight.dim() - 2))


def _parameters(layer: _Layer) -> tuple[Tensor, Tensor]:
    """Weight and bias in float64."""
    weight = _float64(layer.weight)
    bias = weight.new_zeros(len(weight)) if layer.bias is None else _float64(layer.bias)
    return weight, bias


def _float64(values: Tensor) -> Tensor:
    return values.detach().to('cpu', torch.float64)  # not every device computes in float64


def _set_parameters(layer: _Layer, weight: Tensor, bias: Tensor | None) -> None:
    """Give `layer` new parameters, which take no gradients, in its type, memory format and place."""
    old = layer.weight
    layer.weight = nn.Parameter(weight.to(old.device, old.dtype), requires_grad=False)
    layer.bias = None if bias is None else nn.Parameter(bias.to(old.device, old.dtype), requires_grad=False)
