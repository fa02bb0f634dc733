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
from .receptive_field import receptive_field
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


def look(backbone: PyramidBackbone, batch: Tensor, x: float, y: float) -> Iterator[StageLook]:
    """Everything that is shown of a backbone for a point of its input.

    Args:
        backbone: The network. It computes in evaluation mode and is left as it was.
        batch: One image as the network takes it.
        x: Column of the point in pixels of `batch`.
        y: Row of the point.

    Yields:
        What is seen in the stem, if it attends, and in each stage.

    Shape:
        batch (1, C, H, W).
    """
    layers = {
        number: layer
        for number, part in enumerate([backbone.stem, *backbone.stages])
        if (layer := _last_layer(part)) is not None
    }
    with _evaluating(backbone), torch.no_grad(), _recorded(list(layers.values())) as inputs:
        states = backbone.run_stages(backbone.prepare(batch), backbone.stages)
        maps = [None, *(backbone.feature_map(*state)[0] for state in states)]  # the stem has none
    names = {module: name for name, module in backbone.named_modules()}
    size = int(batch.shape[2]), int(batch.shape[3])
    for number, features in enumerate(maps):
        layer, found = layers.get(number), list[Values]()
        side = 4 * 2 ** (number - 1) if number else 1
        place = Place(backbone, size, number, int(y / side), int(x / side))
        with _evaluating(backbone), torch.no_grad():
            if layer is not None:
                found += LOOKS[type(layer)](layer, place, *inputs[layer])
            if isinstance(layer, LargeKernelAttention):
                found.append(receptive_field(backbone, batch, place))
        if number or found:
            yield StageLook(number, features, names[layer] if layer is not None else None, found)


def count(backbone: PyramidBackbone) -> int:
    """How much :func:`look` yields."""
    return len(backbone.stages) + (_last_layer(backbone.stem) is not None)


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
