"""Dual-ViT-S: memory of fused against materialised attention, and what a fixed number of semantic tokens saves."""

from collections.abc import Sequence
from functools import partial

import torch

from ..analysis.counting import count_saved_bytes, multiply_adds
from ..analysis.explicit_attention import explicit_attention
from ..backbones import DualViT
from .measure import Step, compare

COCO = (800, 1344)  # rows and columns of a COCO image as detectors take it
SQUARE = (512, 512)
SIZES = ((224, 224), (448, 448), (896, 896), COCO)
GRIDS = (None, (8, 8))


def cost_of_a_pixel(size: tuple[int, int], grid: tuple[int, int] | None, out_indices: Sequence[int]) -> float:
    """Multiply-adds for each pixel of an image."""
    with torch.device('meta'):
        model = DualViT('small', semantic_grid=grid, out_indices=out_indices)
    return multiply_adds(model, (1, 3, *size)) / (size[0] * size[1])


def training_step(size: tuple[int, int], materialised: bool) -> Step:
    """A forward and a backward pass of one image."""
    model, image = DualViT('small'), torch.randn(1, 3, *size)

    def step() -> None:
        sum(out.mean() for out in model(image)).backward()
        model.zero_grad()

    return explicit_attention()(step) if materialised else step


def inference_step(size: tuple[int, int], grid: tuple[int, int] | None) -> Step:
    """A forward pass of one image."""
    model, image = DualViT('small', semantic_grid=grid).eval(), torch.randn(1, 3, *size)
    return torch.no_grad()(partial(model, image))


def _name(size: tuple[int, int]) -> str:
    return f'{size[0]}x{size[1]}'


def print_saved_bytes() -> None:
    """Bytes kept for the backward pass, counted."""
    build, shape = partial(DualViT, 'small'), (1, 3, *COCO)
    fused, fixed = count_saved_bytes(build, shape), count_saved_bytes(partial(build, semantic_grid=(8, 8)), shape)
    with explicit_attention():
        materialised = count_saved_bytes(build, shape)
    print(
        f'Kept for the backward pass of one {_name(COCO)} image, float32 (counted):\n'
        f'  materialised           {materialised / 1e9:6.2f} GB\n'
        f'  fused                  {fused / 1e9:6.2f} GB = {fused / materialised:.3f} of it\n'
        f'  fused, semantic (8, 8) {fixed / 1e9:6.2f} GB = {fixed / materialised:.3f} of it\n'
    )


def print_training(rounds: int) -> None:
    """Time and peak memory of a training step, measured."""
    forms = {'materialised': partial(training_step, SQUARE, True), 'fused': partial(training_step, SQUARE, False)}
    print(f'One training step of one {_name(SQUARE)} image, float32 (measured; median, range, peak of memory):')
    for name, samples in compare(forms, rounds, steps=1).items():
        print(f'  {name:12} {samples}')
    print()


def print_grids(rounds: int) -> None:
    """Cost of a growing and of a fixed number of semantic tokens: counted, and measured."""
    print(
        'Semantic tokens, thousands of multiply-adds a pixel (stages 1-2, all), and seconds for one image:\n'
        '  size       semantic_grid  tokens  stages 1-2     all  forward pass'
    )
    for size in SIZES:
        samples = compare({grid: partial(inference_step, size, grid) for grid in GRIDS}, rounds, steps=1)
        for grid in GRIDS:
            rows, columns = grid or (size[0] // 28, size[1] // 28)
            dual, whole = (cost_of_a_pixel(size, grid, out) / 1e3 for out in ((1,), (1, 2, 3)))
            print(f'  {_name(size):10} {grid!s:13} {rows * columns:7} {dual:11.1f} {whole:7.1f}  {samples[grid]}')


def run(rounds: int = 3) -> None:
    """Print three tables. Takes some minutes, and 3 GB of memory.

    Args:
        rounds: How often each form is measured, each time in a process of its own.
    """
    print_saved_bytes()
    print_training(rounds)
    print_grids(rounds)
