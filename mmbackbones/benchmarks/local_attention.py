"""Local attention: every implementation against unfolded windows, on the maps of a SASA ResNet-50."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from ..ops.local_attention import FASTEST, IMPLEMENTATIONS, local_attention
from .measure import Measurements, Step, compare

# Channels of each of 8 heads, height, width: stages 1 to 4 for 800 x 1216 pixels, and stage 4 for 224 x 224.
MAPS = ((8, 200, 304), (16, 100, 152), (32, 50, 76), (64, 25, 38), (64, 7, 7))
SQUARES = (256, 512)


def make_step(impl: str, channels: int, height: int, width: int, device: str = 'cpu') -> Step:
    """Forward and backward pass of local attention: one float32 map of 8 heads, windows of 7 x 7.

    Args:
        impl: The implementation.
        channels: Channels per head.
        height: Height of the map.
        width: Width of the map.
        device: Where it runs.
    """
    torch.manual_seed(0)
    shape = (1, 8, channels, height, width)
    qkv = [torch.randn(shape, device=device, requires_grad=True) for _ in range(3)]
    embeddings = [torch.randn(channels // 2, 7, device=device, requires_grad=True) for _ in range(2)]
    return partial(_forward_and_backward, impl, [*qkv, *embeddings], torch.randn(shape, device=device))


def _forward_and_backward(impl: str, inputs: list[Tensor], dy: Tensor) -> None:
    q, k, v, rel_row, rel_col = inputs
    torch.autograd.grad(local_attention(q, k, v, rel_row, rel_col, impl=impl), inputs, dy)


def _row(shape: tuple[int, int, int], impl: str, measured: Measurements, unfolded: Measurements) -> str:
    channels, height, width = shape
    name = f'{impl} (unfold)' if impl == 'reference' else impl
    return (
        f'| {channels}, {height} x {width} | {name} | {measured.median_seconds:.4f} | '
        f'{unfolded.median_seconds / measured.median_seconds:.1f} | {measured.median_megabytes:.0f} | '
        f'{unfolded.median_megabytes / max(measured.median_megabytes, 0.1):.1f} |'
    )


def run(
    device: str = 'cpu',
    maps: Sequence[tuple[int, int, int]] = MAPS,
    squares: Sequence[int] = SQUARES,
    rounds: int = 3,
) -> None:
    """Print the tables of docs/local_attention.md: time and extra peak memory of a forward and a backward pass.

    Args:
        device: Where to measure, ``cpu`` or ``cuda``.
        maps: Channels per head, height and width of each map.
        squares: Sides of the square maps whose time per pixel is measured.
        rounds: Number of samples per figure.
    """
    print('| channels of a head, map | implementation | seconds | times faster | extra peak MB | times less |')
    print('|---|---|---|---|---|---|')
    for shape in maps:
        variants = {impl: partial(make_step, impl, *shape, device) for impl in IMPLEMENTATIONS}
        measured = compare(variants, rounds, device=device)
        for impl in IMPLEMENTATIONS:
            print(_row(shape, impl, measured[impl], measured['reference']), flush=True)

    print('\n| map | nanoseconds per pixel |')
    print('|---|---|')
    impl = FASTEST[torch.device(device).type]
    by_side = {side: partial(make_step, impl, 8, side, side, device) for side in squares}
    for side, measurements in compare(by_side, rounds, device=device).items():
        print(f'| {side} x {side} | {measurements.median_seconds / side**2 * 1e9:.0f} |')
