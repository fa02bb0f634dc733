"""The operators and layers that the backbones' time depends on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ...analysis.counting import multiply_adds
from ...layers import DepthwiseConv2d, HierarchicalSelfAttention2d, SingleGroupNorm
from ...ops.local_attention import local_attention
from ..authors_form.hierarchical import HMHSA
from ..measure import Step
from ..table import AUTHORS
from .group import TASKS, Group, Setting


def plain_depthwise(channels: int, size: int, dilation: int = 1) -> nn.Conv2d:
    """The convolution of :class:`~mmbackbones.layers.DepthwiseConv2d` as PyTorch has it."""
    padding = size // 2 * dilation
    return nn.Conv2d(channels, channels, size, padding=padding, dilation=dilation, groups=channels)


class LocalAttention(nn.Module):
    """Local attention in windows of 7 x 7, by one of its implementations; queries, keys and values side by side."""

    def __init__(self, channels: int, impl: str, heads: int = 8) -> None:
        super().__init__()
        self.heads, self.impl = heads, impl
        self.rows, self.columns = (nn.Parameter(torch.randn(heads, channels // heads // 2, 7)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = x.unflatten(1, (3, self.heads, -1)).unbind(1)
        return local_attention(q, k, v, self.rows, self.columns, impl=self.impl).flatten(1, 2)


@dataclass(frozen=True)
class Operator:
    """An operator or layer, and the map that it is measured on.

    Attributes:
        name: What it is, and the number of its channels.
        shape: Channels, height and width of its input.
        ours: Builds it.
        theirs: Builds it in the authors' form.
        multiply_adds: How many it takes on that map; 0 where none count.
    """

    name: str
    shape: tuple[int, int, int]
    ours: Callable[[], nn.Module]
    theirs: Callable[[], nn.Module]
    multiply_adds: int = 0


def _depthwise(channels: int, side: int, size: int, dilation: int = 1) -> Operator:
    name = f'{size}x{size} depthwise, {channels}' + (f', dilation {dilation}' if dilation > 1 else '')
    ours, theirs = (partial(kind, channels, size, dilation) for kind in (DepthwiseConv2d, plain_depthwise))
    return Operator(name, (channels, side, side), ours, theirs, size * size * channels * side * side)


def _local_attention(channels: int, side: int) -> Operator:
    ours, theirs = (partial(LocalAttention, channels, impl) for impl in ('auto', 'reference'))
    # Products of the queries with keys and embeddings, and of the weights with values, for each of the neighbors.
    count = 3 * 49 * channels * side * side
    return Operator(f'local attention, {channels}', (3 * channels, side, side), ours, theirs, count)


def _hierarchical(channels: int, side: int) -> Operator:
    ours = partial(HierarchicalSelfAttention2d, channels, 64, 8, 8)
    theirs = partial(HMHSA, nn.BatchNorm2d, channels, 64, 8, 8)
    count = multiply_adds(ours().eval(), (1, channels, side, side))
    return Operator(f'H-MHSA, {channels}', (channels, side, side), ours, theirs, count)


def _single_group_norm(channels: int, side: int) -> Operator:
    ours, theirs = partial(SingleGroupNorm, channels), partial(nn.GroupNorm, 1, channels)
    return Operator(f'single group norm, {channels}', (channels, side, side), ours, theirs)


def operators() -> tuple[Operator, ...]:
    """On the maps of the first stages for an image of 512 x 512 pixels."""
    return (
        _local_attention(64, 128),
        _depthwise(64, 128, 7, dilation=3),
        _depthwise(64, 128, 5),
        _depthwise(512, 128, 3),
        _hierarchical(64, 128),
        _single_group_norm(64, 128),
    )


def operator_step(operator: Operator, task: str, form: str, precision: str, device: str) -> Step:
    """An operator on one map, contiguous in the authors' form and channels-last in ours: forward, or both passes."""
    torch.manual_seed(0)
    module = operator.ours()
    if form == AUTHORS:
        weights, module = module.state_dict(), operator.theirs()
        module.load_state_dict(weights)
    module.to(device)
    params = [param for _, param in sorted(module.named_parameters())]
    torch.manual_seed(1)  # the same input in both forms
    layout = torch.contiguous_format if form == AUTHORS else torch.channels_last
    x = torch.randn(1, *operator.shape, device=device).to(getattr(torch, precision)).contiguous(memory_format=layout)
    x.requires_grad_(task == 'training')
    autocast = partial(torch.autocast, device, torch.bfloat16, enabled=precision == 'bfloat16')
    with torch.no_grad(), autocast():
        y = module(x)
        dy = torch.empty_like(y).copy_(torch.randn(y.shape))  # the same values in any memory format

    def infer() -> None:
        with torch.no_grad(), autocast():
            module(x)

    def train() -> None:
        with autocast():
            y = module(x)
        torch.autograd.grad(y, [x, *params], dy)

    return infer if task == 'inference' else train


def operator_groups(setting: Setting, chosen: Sequence[Operator] | None = None) -> Iterator[Group]:
    """Each operator in all forms."""
    for operator in chosen or operators():
        _, height, width = operator.shape
        for task in TASKS:
            columns = dict(network='operator', backbone=operator.name, height=height, width=width, task=task, batch=1)
            factor = 3 if task == 'training' else 1
            yield Group(columns, setting.forms(partial(operator_step, operator, task)), factor * operator.multiply_adds)
