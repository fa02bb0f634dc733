"""What a backbone computes on the way: its layers' inputs are recorded, and what they attend to is computed anew."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...backbones import PyramidBackbone
from ...backbones.dualvit import DualBlock, MergeBlock
from ...layers import (
    CascadedSelfAttention2d,
    HierarchicalSelfAttention2d,
    LargeKernelAttention,
    LocalAttention2d,
    MultiHeadSelfAttention2d,
    SpatiallyAwareAttention,
)
from .dual import dual_block_weights, merge_block_weights
from .hierarchical import cascaded_weights, full_weights, two_step_weights
from .large_kernel import gate
from .local import stem_weights, window_weights
from .receptive_field import receptive_fields
from .weights import Place, Values

# What is shown of a layer: a function of the layer, the place and what the layer was called with.
LOOKS: dict[type[nn.Module], Callable[..., list[Values]]] = {
    CascadedSelfAttention2d: cascaded_weights,
    DualBlock: dual_block_weights,
    HierarchicalSelfAttention2d: two_step_weights,
    LargeKernelAttention: gate,
    LocalAttention2d: window_weights,
    MergeBlock: merge_block_weights,
    MultiHeadSelfAttention2d: full_weights,
    SpatiallyAwareAttention: stem_weights,
}


@dataclass(frozen=True)
class StageLook:
    """What was seen in a stage.

    Attributes:
        number: 1 to 4; 0 for the stem.
        features: Its feature map, (C, H, W); None for the stem.
        layer: Name of the last layer that attends; None if there is none.
        found: What that layer attends to.
    """

    number: int
    features: Tensor | None
    layer: str | None
    found: list[Values]


def look(backbone: PyramidBackbone, batch: Tensor, x: float, y: float) -> list[StageLook]:
    """Everything that is shown of a backbone for a point of its input.

    Args:
        backbone: The network. It computes in evaluation mode and is left as it was.
        batch: One image as the network takes it.
        x: Column of the point in pixels of `batch`.
        y: Row of the point.

    Shape:
        batch (1, C, H, W).
    """
    layers = {number: layer for number, part in _parts(backbone) if (layer := _last_layer(part))}
    with _evaluating(backbone), torch.no_grad(), _recorded(list(layers.values())) as inputs:
        states = list(backbone.run_stages(backbone.prepare(batch), backbone.stages))
        maps = [backbone.feature_map(*state)[0] for state in states]
        size = int(batch.shape[2]), int(batch.shape[3])
        places = {0: Place(backbone, size, 0, int(y), int(x))}
        for number in range(1, len(maps) + 1):
            stride = 4 * 2 ** (number - 1)
            places[number] = Place(backbone, size, number, int(y / stride), int(x / stride))
        found = {number: LOOKS[type(layer)](layer, places[number], *inputs[layer]) for number, layer in layers.items()}
    gated = [number for number, layer in layers.items() if number and isinstance(layer, LargeKernelAttention)]
    with _evaluating(backbone):
        for number, field in zip(gated, receptive_fields(backbone, batch, [places[n] for n in gated]), strict=True):
            found[number].append(field)
    names = {module: name for name, module in backbone.named_modules()}
    looks = [StageLook(0, None, names[layers[0]], found[0])] if 0 in layers else []
    for number, features in enumerate(maps, 1):
        layer = layers.get(number)
        looks.append(StageLook(number, features, None if layer is None else names[layer], found.get(number, [])))
    return looks


def _parts(backbone: PyramidBackbone) -> list[tuple[int, nn.Module]]:
    return list(enumerate([backbone.stem, *backbone.stages]))


def _last_layer(part: nn.Module) -> nn.Module | None:
    known = [module for module in part.modules() if type(module) in LOOKS]
    return known[-1] if known else None


@contextmanager
def _recorded(layers: Sequence[nn.Module]) -> Iterator[dict[nn.Module, tuple[Any, ...]]]:
    """A block in which the arguments of each layer's last call are kept."""
    inputs: dict[nn.Module, tuple[Any, ...]] = {}
    hooks = [layer.register_forward_pre_hook(lambda layer, args: inputs.update({layer: args})) for layer in layers]
    try:
        yield inputs
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """A block in which all modules are in evaluation mode."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
