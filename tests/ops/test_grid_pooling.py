"""Pooling to a grid: what is exported equals PyTorch's own operator."""

import pytest
import torch

from mmbackbones.ops import grid_pooling, pool_to_grid


@pytest.mark.parametrize('exporting', [False, True])
@pytest.mark.parametrize('grid', [(8, 8), (1, 3), (5, 2)])
@pytest.mark.parametrize('size', [(8, 8), (16, 24), (13, 5), (3, 2)])
def test_pool_to_grid(size, grid, exporting, monkeypatch):
    monkeypatch.setattr(grid_pooling, 'is_exporting', lambda: exporting)
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(pool_to_grid(x, grid), torch.nn.functional.adaptive_avg_pool2d(x, grid))
