"""Local attention: the fast forms against unfolded windows, on the maps of a SASA ResNet-50."""

from functools import partial

import torch

from ..ops.local_attention import FASTEST, IMPLEMENTATIONS, local_attention
from .measure import Samples, compare

# Channels of each of 8 heads, height, width: stages 1 to 4 for 800 x 1216 pixels, and stage 4 for 224 x 224.
MAPS = ((8, 200, 304), (16, 100, 152), (32, 50, 76), (64, 25, 38), (64, 7, 7))
SQUARES = (256, 512)


def run() -> None:
    """Print time and extra peak memory of forward + backward (float32, batch 1, 8 heads, 7 x 7 windows) as Markdown."""
    print('| channels of a head, map | form | seconds | times faster | extra peak MB | times less |')
    print('|---|---|---|---|---|---|')
    for shape in MAPS:
        samples = compare({impl: partial(_attention, impl, *shape) for impl in IMPLEMENTATIONS}, rounds=3)
        for impl in IMPLEMENTATIONS:
            print(_row(shape, impl, samples[impl], samples['reference']))

    print('\n| map | nanoseconds a pixel |')
    print('|---|---|')
    samples = compare({side: partial(_attention, FASTEST['cpu'], 8, side, side) for side in SQUARES})
    for side, measured in samples.items():
        print(f'| {side} x {side} | {measured.median_seconds / side**2 * 1e9:.0f} |')


def _attention(impl: str, channels: int, height: int, width: int):
    torch.manual_seed(0)
    inputs = [torch.randn(1, 8, channels, height, width, requires_grad=True) for _ in range(3)]
    inputs += [torch.randn(channels // 2, 7, requires_grad=True) for _ in range(2)]
    dy = torch.randn(1, 8, channels, height, width)
    return partial(_forward_and_backward, impl, inputs, dy)


def _forward_and_backward(impl: str, inputs: list, dy: torch.Tensor) -> None:
    torch.autograd.grad(local_attention(*inputs, impl=impl), inputs, dy)


def _row(shape: tuple, impl: str, measured: Samples, unfolded: Samples) -> str:
    channels, height, width = shape
    name = f'{impl} (unfold)' if impl == 'reference' else impl
    return (
        f'| {channels}, {height} x {width} | {name} | {measured.median_seconds:.4f} | '
        f'{unfolded.median_seconds / measured.median_seconds:.1f} | {measured.median_megabytes:.0f} | '
        f'{unfolded.median_megabytes / max(measured.median_megabytes, 0.1):.1f} |'
    )
