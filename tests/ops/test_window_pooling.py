"""Pooling of windows: what is exported equals PyTorch's own operators."""

import pytest
import torch
import torch.nn.functional as F

from mmbackbones.ops import pool_windows, window_pooling


@pytest.mark.parametrize('exporting', [False, True])
@pytest.mark.parametrize('window', [1, 2, 7])
@pytest.mark.parametrize('size', [(8, 8), (14, 21), (13, 5), (3, 2)])
def test_pool_windows(size, window, exporting, monkeypatch):
    monkeypatch.setattr(window_pooling, 'is_exporting', lambda: exporting)
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    average = F.avg_pool2d(x, window, ceil_mode=True, count_include_pad=False)
    torch.testing.assert_close(pool_windows(x, window), average)
    torch.testing.assert_close(pool_windows(x, window, 'max'), F.max_pool2d(x, window, ceil_mode=True))
