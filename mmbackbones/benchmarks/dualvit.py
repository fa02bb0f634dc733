"""Dual-ViT-S: memory of fused and of explicit attention, and the savings of a fixed number of semantic tokens."""

from collections.abc import Sequence
from functools import partial

import torch

from ..analysis.counting import count_saved_bytes, multiply_adds
from ..analysis.explicit_attention import explicit_attention
from ..backbones import DualViT
from .measure import Step, compare

# Heights and widths in pixels.
COCO = (800, 1344)  # a COCO image as detectors take it
SQUARE = (512, 512)
SIZES = ((224, 224), (448, 448), (896, 896), COCO)
GRIDS = (None, (8, 8))


def multiply_adds_per_pixel(size: tuple[int, int], grid: tuple[int, int] | None, out_indices: Sequence[int]) -> float:
    """Multiply-adds of the stages up to the last of `out_indices`, divided by the number of pixels."""
    with torch.device('meta'):
        model = DualViT('small', semantic_grid=grid, out_indices=out_indices)
    return multiply_adds(model, (1, 3, *size)) / (size[0] * size[1])


def training_step(size: tuple[int, int], explicit: bool) -> Step:
    """A forward and a backward pass of one image, with explicit or with fused attention."""
    model, image = DualViT('small'), torch.randn(1, 3, *size)

    def step() -> None:
        sum(out.mean() for out in model(image)).backward()
        model.zero_grad()

    return explicit_attention()(step) if explicit else step


def inference_step(size: tuple[int, int], grid: tuple[int, int] | None) -> Step:
    """A forward pass of one image."""
    model, image = DualViT('small', semantic_grid=grid).eval(), torch.randn(1, 3, *size)
    return torch.no_grad()(partial(model, image))


def _name(size: tuple[int, int]) -> str:
    return f'{size[0]}x{size[1]}'


def print_saved_bytes(size: tuple[int, int] = COCO) -> None:
    """Print the bytes saved for the backward pass of one image, counted."""
    build, shape = partial(DualViT, 'small'), (1, 3, *size)
    fused, fixed = count_saved_bytes(build, shape), count_saved_bytes(partial(build, semantic_grid=(8, 8)), shape)
    with explicit_attention():
        explicit = count_saved_bytes(build, shape)
    print(
        f'Saved for the backward pass of one {_name(size)} image, float32 (counted):\n'
        f'  explicit               {explicit / 1e9:6.2f} GB\n'
        f'  fused                  {fused / 1e9:6.2f} GB = {fused / explicit:.3f} of it\n'
        f'  fused, semantic (8, 8) {fixed / 1e9:6.2f} GB = {fixed / explicit:.3f} of it\n'
    )


def print_training(rounds: int, size: tuple[int, int] = SQUARE) -> None:
    """Print time and peak memory of a training step of one image, measured."""
    variants = {name: partial(training_step, size, name == 'explicit') for name in ('explicit', 'fused')}
    print(f'One training step of one {_name(size)} image, float32 (measured; median, range, peak of memory):')
    for name, measured in compare(variants, rounds, steps=1).items():
        print(f'  {name:12} {measured}')
    print()


def print_grids(rounds: int, sizes: Sequence[tuple[int, int]] = SIZES) -> None:
    """Print the cost of a growing and of a fixed number of semantic tokens: counted, and measured."""
    print(
        'Semantic tokens, thousands of multiply-adds per pixel (stages 1-2, all), and seconds for one image:\n'
        '  size       semantic_grid  tokens  stages 1-2     all  forward pass'
    )
    for size in sizes:
        measured = compare({grid: partial(inference_step, size, grid) for grid in GRIDS}, rounds, steps=1)
        for grid in GRIDS:
            rows, columns = grid or (size[0] // 28, size[1] // 28)
            dual, whole = (multiply_adds_per_pixel(size, grid, out) / 1e3 for out in ((1,), (1, 2, 3)))
            print(f'  {_name(size):10} {grid!s:13} {rows * columns:7} {dual:11.1f} {whole:7.1f}  {measured[grid]}')


def run(
    rounds: int = 3,
    counted: tuple[int, int] = COCO,
    trained: tuple[int, int] = SQUARE,
    sizes: Sequence[tuple[int, int]] = SIZES,
) -> None:
    """Print three tables, those of docs/dualvit.md. Takes some minutes, and 3 GB of memory.

    Args:
        rounds: Number of samples per figure.
        counted: Height and width of the image whose saved bytes are counted.
        trained: Height and width of the image that is trained on.
        sizes: Heights and widths of the images that the backbone is run on.
    """
    print_saved_bytes(counted)
    print_training(rounds, trained)
    print_grids(rounds, sizes)
