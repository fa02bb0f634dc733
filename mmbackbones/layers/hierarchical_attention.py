"""Hierarchical multi-head self-attention of TransCNN and HAT-Net, https://arxiv.org/abs/2106.03180.

Full attention over H x W pixels costs (H W)^2. H-MHSA attends inside the cells of a small grid first and reaches the
rest of the map through a reduced one.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.registry import MODELS
from torch import Tensor, nn

from .grid_attention import crop, grid_attention, map_attention
from .memory_format import in_format_of


def _check(name: str, in_channels: int, head_dim: int, *sizes: int) -> None:
    if in_channels % head_dim:
        raise ValueError(f'{name}: in_channels must be a multiple of head_dim, got {in_channels} and {head_dim}')
    if any(size < 1 for size in sizes):
        raise ValueError(f'{name}: grids and pooling windows must be of at least one pixel, got {sizes}')


def _average(x: Tensor, size: int) -> Tensor:
    """Average pooling that keeps the pixels of incomplete cells, each cell's average over its own pixels."""
    return F.avg_pool2d(x, size, ceil_mode=True, count_include_pad=False)


def _repeat(x: Tensor, times: int, size: tuple[int, int]) -> Tensor:
    """Each token over the `times` x `times` pixels that it stands for, cut to `size`."""
    return x if times == 1 else crop(F.interpolate(x, scale_factor=times, mode='nearest'), *size)


@MODELS.register_module()
class MHSA(nn.Module):
    """Multi-head self-attention over the whole map: the last stage of both releases, where the map is small.

    ``proj(attention(q, k, v))`` of the normed input. There is no shortcut here: a block adds its own.

    Args:
        in_channels: Number of channels C.
        head_dim: Channels a head; C must be a multiple of it.
        norm_cfg: The norm before the projections.

    Shapes: (N, C, H, W) -> (N, C, H, W).
    """

    def __init__(self, in_channels: int, head_dim: int = 64, norm_cfg: dict = dict(type='BN')) -> None:  # noqa: B006
        super().__init__()
        _check('MHSA', in_channels, head_dim)
        self.head_dim = head_dim
        self.norm = build_norm_layer(norm_cfg, in_channels)[1]
        self.qkv = nn.Conv2d(in_channels, 3 * in_channels, 1)
        self.proj = nn.Conv2d(in_channels, in_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = map_attention(*self.qkv(self.norm(x)).chunk(3, 1), self.head_dim)
        return in_format_of(x, self.proj(y))


@MODELS.register_module()
class HMHSA(nn.Module):
    """Hierarchical multi-head self-attention in two steps, as both released networks have it.

    Attention inside the cells of a grid, the shortcut, a norm; then attention from every pixel to the average-pooled
    map, the shortcut, a projection. A shortcut over the whole is a block's business.

    Any height and width will do: the filling of incomplete cells is masked, and incomplete pooling windows are averaged
    over what is there. Where the released code runs, the values equal its own.

    Args:
        in_channels: Number of channels C.
        head_dim: Channels a head; C must be a multiple of it.
        grid_size: Side of a grid cell in the first step, in pixels.
        pool_ratio: Side of an average pooling window before the second step, in pixels.
        norm_cfg: The norms: before the grid step, after it, and of the pooled map.

    Shapes: (N, C, H, W) -> (N, C, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        head_dim: int = 64,
        grid_size: int = 8,
        pool_ratio: int = 8,
        norm_cfg: dict = dict(type='BN'),  # noqa: B006 (read only)
    ) -> None:
        super().__init__()
        _check('HMHSA', in_channels, head_dim, grid_size, pool_ratio)
        self.head_dim, self.grid_size, self.pool_ratio = head_dim, grid_size, pool_ratio
        self.norm = build_norm_layer(norm_cfg, in_channels)[1]
        self.qkv = nn.Conv2d(in_channels, 3 * in_channels, 1)
        self.grid_norm = build_norm_layer(norm_cfg, in_channels)[1]
        self.pool_norm = build_norm_layer(norm_cfg, in_channels)[1]
        self.q = nn.Conv2d(in_channels, in_channels, 1)
        self.kv = nn.Conv2d(in_channels, 2 * in_channels, 1)
        self.proj = nn.Conv2d(in_channels, in_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        grid = grid_attention(self.qkv(self.norm(x)), self.head_dim, self.grid_size)
        grid = self.grid_norm(x + grid)
        pooled = self.pool_norm(_average(grid, self.pool_ratio))
        y = self.proj(grid + map_attention(self.q(grid), *self.kv(pooled).chunk(2, 1), self.head_dim))
        return in_format_of(x, y)


@MODELS.register_module()
class CascadedHMHSA(nn.Module):
    """Hierarchical multi-head self-attention in any number of steps, as the article describes it.

    Step i attends inside the cells of its grid, ``A_i = X_i + attention(norm(X_i))``. Then every cell becomes one
    token of the next step, ``X_{i+1} = maxpool(A_i) + avgpool(A_i)``, so that the next grid covers more of the image.
    The last step has no grid: it spans the whole map. The ``A_i``, each token repeated over the pixels that it stands
    for, are summed and projected. A shortcut over the whole is a block's business.

    Args:
        in_channels: Number of channels C.
        head_dim: Channels a head; C must be a multiple of it.
        grid_sizes: Side of a grid cell in each step but the last, in that step's tokens. Empty: one step, which is full
            attention.
        norm_cfg: The norm before each step's projections.

    Shapes: (N, C, H, W) -> (N, C, H, W), any height and width.
    """

    def __init__(
        self,
        in_channels: int,
        head_dim: int = 64,
        grid_sizes: Sequence[int] = (8, 4),
        norm_cfg: dict = dict(type='BN'),  # noqa: B006 (read only)
    ) -> None:
        super().__init__()
        _check('CascadedHMHSA', in_channels, head_dim, *grid_sizes)
        self.head_dim, self.grid_sizes = head_dim, tuple(grid_sizes)
        steps = range(len(self.grid_sizes) + 1)
        self.norms = nn.ModuleList(build_norm_layer(norm_cfg, in_channels)[1] for _ in steps)
        self.qkvs = nn.ModuleList(nn.Conv2d(in_channels, 3 * in_channels, 1) for _ in steps)
        self.proj = nn.Conv2d(in_channels, in_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        whole, size, total, stride = x, x.shape[2:], 0, 1
        for norm, qkv, grid_size in zip(self.norms, self.qkvs, self.grid_sizes, strict=False):
            x = x + grid_attention(qkv(norm(x)), self.head_dim, grid_size)
            total = total + _repeat(x, stride, size)
            x = F.max_pool2d(x, grid_size, ceil_mode=True) + _average(x, grid_size)
            stride *= grid_size
        x = x + map_attention(*self.qkvs[-1](self.norms[-1](x)).chunk(3, 1), self.head_dim)
        return in_format_of(whole, self.proj(total + _repeat(x, stride, size)))
