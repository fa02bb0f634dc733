"""What a forward pass costs, counted instead of timed: graphs, copies, the largest tensor, multiply-adds."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmbackbones.analysis.counting import multiply_adds
from tests.helpers.graphs import Graphs
from tests.helpers.small_backbones import SMALL, build_small

EVERY = sorted(SMALL)
FIVE_SIZES = ((64, 64), (96, 64), (100, 150), (131, 57), (160, 224))


def image(height: int, width: int, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


# Graphs --------------------------------------------------------------------------------------------------------------


def graphs_of(model: nn.Module, run: Callable[[torch.Tensor], object]) -> list[int]:
    """How many graphs of a compiled model there are after each of five sizes."""
    graphs, after = Graphs(), []
    torch.compiler.reset()
    model.compile(backend=graphs)
    for size in FIVE_SIZES:
        run(image(*size))
        after.append(len(graphs))
    return after


@pytest.mark.slow
@pytest.mark.parametrize('name', ['VAN', 'HATNet'])
def test_no_graph_for_a_second_size(name):
    """One stage, whose blocks have the branches and the padding that depend on sizes."""
    model = build_small(name, out_indices=(0,)).eval()
    with torch.no_grad():
        first, *others = graphs_of(model, model)
    assert first > 0
    assert others == [first] * 4


@pytest.mark.modes
@pytest.mark.parametrize(('name', 'with_cp'), [*((name, False) for name in EVERY), ('VAN', True)])
def test_no_graph_for_a_second_size_in_training(name, with_cp):
    """Whole networks, with backward passes."""
    model = build_small(name, drop_path_rate=0.2, with_cp=with_cp).train()
    first, *others = graphs_of(model, lambda x: sum(out.mean() for out in model(x)).backward())
    assert others == [first] * 4


@pytest.mark.modes
def test_blocks_share_a_graph():
    """Whatever their rate of stochastic depth is. The first block and the stem have graphs of their own."""
    arch = dict(embed_dims=(8, 8, 8, 8), depths=(6, 1, 1, 1), mlp_ratios=(2, 2, 2, 2))
    model = build_small('VAN', arch=arch, out_indices=(0,), drop_path_rate=0.5).train()
    assert graphs_of(model, model)[-1] <= 4


# Copies --------------------------------------------------------------------------------------------------------------


class Copies(TorchDispatchMode):
    """Counts the copies of maps from one memory layout to another."""

    def __init__(self, smallest: int) -> None:
        super().__init__()
        self.smallest, self.found = smallest, Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in ('clone', '_to_copy', 'copy_', 'contiguous') and out.numel() >= self.smallest:
            given = args[1] if name == 'copy_' else args[0]
            if given.stride() != out.stride():
                self.found[name] += 1
        return out


# The image into channels-last memory and the four maps out of it are 5. Each dilated convolution takes its sub-grids
# apart and puts them together, attention in grids the cells of each of its grids. Local attention reads rows of
# contiguous maps, which its projections write; its result goes back into channels-last memory in each block. (That of
# the last stage is too small to be counted.)
CONVERSIONS = {'DualViT': 5, 'HATNet': 16, 'SASAResNet': 9, 'TransCNN': 16, 'VAN': 13}


@pytest.mark.parametrize('name', EVERY)
def test_layout_conversions(name):
    model = build_small(name).eval()
    x = image(128, 128)
    smallest = min(out.numel() for out in model(x))
    with torch.no_grad(), Copies(smallest) as copies:
        model(x)
    assert copies.found.total() <= CONVERSIONS[name]


# The largest tensor --------------------------------------------------------------------------------------------------


def largest_allocation(model: nn.Module, size: int) -> int:
    """Bytes of the largest tensor, or scratch memory, of a training step."""
    x = image(size, size, batch=1)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        sum(out.mean() for out in model(x)).backward()
    return max(event.cpu_memory_usage for event in profile.events() if event.name == '[memory]')


@pytest.mark.parametrize('name', EVERY)
def test_nothing_spans_pixels_and_tokens_or_windows(name):
    """The largest tensor is the hidden map of a feed-forward network in stage 1, or the map of the stem.

    With 256 pixels a side, a window of local attention has 25 pixels and stage 1 has 4096 of them and 81 semantic
    tokens.
    """
    model = build_small(name).train()
    small, large = largest_allocation(model, 128), largest_allocation(model, 256)
    assert large <= 4.1 * small
    assert large <= 8 * 4 * 64 * 64 * model.out_channels[0]


# Multiply-adds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('name', 'options'), [('VAN', {}), ('SASAResNet', {}), ('DualViT', dict(semantic_grid=(8, 8), out_indices=(0, 1)))]
)
def test_multiply_adds_are_linear_in_pixels(name, options):
    """Dual-ViT's merge blocks, in stages 3 and 4, attend from each pixel to all."""
    with torch.device('meta'):
        model = build_small(name, **options).eval()
    small, large = (multiply_adds(model, (1, 3, size, size)) for size in (256, 512))
    assert large <= 4 * small
