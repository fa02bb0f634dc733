"""A network is not built to the end if it is much larger than its weights."""

import sys
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

import pytest
import torch
from torch import nn

from mmbackbones.engine.size_limit import little_memory, no_larger_than
from mmbackbones.errors import UserError

WEIGHTS = {'a': torch.ones(3)}


def test_networks_of_about_the_size_of_the_weights():
    with no_larger_than(nn.Linear(100, 100).state_dict(), 'a.pth'):
        nn.Sequential(nn.Linear(100, 100), nn.ReLU())


@pytest.mark.parametrize(
    'build',
    [
        lambda: nn.Sequential(*(nn.Sequential(nn.ReLU()) for _ in range(10**9))),
        lambda: [nn.Linear(1000, 1000) for _ in range(10**9)],
        lambda: nn.Linear(10**5, 10**4, dtype=torch.float16),
    ],
)
def test_much_larger_networks(build):
    message = 'a.pth describes a network that is much larger than the 1 weights'
    with pytest.raises(UserError, match=message), no_larger_than(WEIGHTS, 'a.pth'):
        build()
    nn.Linear(10**4, 10**4)  # the limit ends with the block


@pytest.mark.skipif(sys.platform != 'linux', reason='only Linux has this limit')
def test_memory_beside_the_network():
    """Asked of the system itself: an allocator may still have as much, where other tests predicted."""
    with little_memory(WEIGHTS), pytest.raises(OSError, match='memory'):
        mmap(-1, 3 << 30, MAP_PRIVATE | MAP_ANONYMOUS)
    with little_memory(WEIGHTS):
        torch.ones(1 << 20)
    mmap(-1, 3 << 30, MAP_PRIVATE | MAP_ANONYMOUS)  # the limit ends with the block
