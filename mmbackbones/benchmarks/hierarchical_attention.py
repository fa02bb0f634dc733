"""How time and memory of H-MHSA and of full attention grow with the image."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from mmengine.registry import MODELS

from ..analysis.explicit_attention import explicit_attention
from .measure import MakeStep, Step, compare

CHANNELS = 64  # the first stage of TransCNN, at a quarter of the image's size
LAYERS: dict[str, dict[str, Any]] = {
    'H-MHSA': dict(type='HierarchicalSelfAttention2d', grid_size=8, pool_ratio=8),
    'H-MHSA, cascade': dict(type='CascadedSelfAttention2d', grid_sizes=(8, 4)),
    'full attention': dict(type='MultiHeadSelfAttention2d'),
}
EXPLICIT = 'full attention, explicit'
# A side of 768 pixels would need two matrices of 36,864 x 36,864 weights, 11 GB, and as much for the backward pass.
MAX_EXPLICIT_SIDE = 512


def make_step(cfg: dict[str, Any], side: int, explicit: bool = False) -> Step:
    """A training step of a layer on the map that a stem makes of an image.

    Args:
        cfg: Config of the layer.
        side: Height and width of the image, in pixels.
        explicit: Whether attention holds its matrix of weights in memory.
    """
    torch.manual_seed(0)
    layer = MODELS.build(dict(cfg, in_channels=CHANNELS, head_dim=CHANNELS))
    x = torch.randn(1, CHANNELS, side // 4, side // 4).contiguous(memory_format=torch.channels_last).requires_grad_()

    def step() -> None:
        layer(x).mean().backward()

    return explicit_attention()(step) if explicit else step


def run(sides: Sequence[int] = (256, 384, 512, 768, 1024), rounds: int = 3) -> None:
    """Print the table of docs/hierarchical_attention.md.

    Args:
        sides: Heights and widths of the images, in pixels.
        rounds: Number of samples per figure.
    """
    names = [*LAYERS, EXPLICIT]
    print('| image | ' + ' | '.join(names) + ' |')
    print('|---' * (len(names) + 1) + '|')
    for side in sides:
        variants: dict[str, MakeStep] = {name: partial(make_step, cfg, side) for name, cfg in LAYERS.items()}
        if side <= MAX_EXPLICIT_SIDE:
            variants[EXPLICIT] = partial(make_step, LAYERS['full attention'], side, explicit=True)
        measured = compare(variants, rounds)
        print(f'| {side} x {side} | ' + ' | '.join(str(measured.get(name, '-')) for name in names) + ' |', flush=True)
