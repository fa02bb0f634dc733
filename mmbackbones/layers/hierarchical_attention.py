"""Hierarchical multi-head self-attention (H-MHSA) of TransCNN and HAT-Net, https://arxiv.org/abs/2106.03180.

Full attention over H x W pixels costs (H W)^2. H-MHSA attends inside the cells of a small grid first and reaches the
rest of the map through a reduced one.
"""

from collections.abc import Sequence
from functools import partial
from typing import cast

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..ops import conv_pointwise, pool_windows
from .fusion import fold_norm_before
from .grid_attention import crop, grid_attention, map_attention
from .memory_format import in_format_of
from .norm_cfg import BATCH_NORM


@MODELS.register_module(name=['MultiHeadSelfAttention2d', 'MHSA'])
class MultiHeadSelfAttention2d(nn.Module):
    """Full multi-head self-attention, ``proj(attention(q, k, v))`` of the normalized input.

    Both releases use it in the last stage, where the map is small. The residual connection is the enclosing block's,
    which may hand in what is added.

    Args:
        in_channels: Number of channels C.
        head_dim: Channels per head; C must be a multiple of it.
        norm_cfg: Config of the norm before the projections.

    Shape:
        (N, C, H, W) -> (N, C, H, W).

    Raises:
        ValueError: `in_channels` is not a multiple of `head_dim`.
    """

    def __init__(self, in_channels: int, head_dim: int = 64, norm_cfg: dict = BATCH_NORM) -> None:
        super().__init__()
        _check(self, in_channels, head_dim)
        self.head_dim = head_dim
        self.norm = build_norm_layer(norm_cfg, in_channels)[1]
        self.qkv = nn.Conv2d(in_channels, 3 * in_channels, 1)
        self.proj = nn.Conv2d(in_channels, in_channels, 1)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        q, k, v = conv_pointwise(self.qkv, self.norm(x)).chunk(3, 1)
        y = map_attention(q, k, v, self.head_dim)
        return in_format_of(x, conv_pointwise(self.proj, y, residual=residual))

    def fuse(self) -> None:
        """Fold the norm into the projection behind it, for inference."""
        self.norm = fold_norm_before(self.norm, self.qkv)


@MODELS.register_module(name=['HierarchicalSelfAttention2d', 'HMHSA'])
class HierarchicalSelfAttention2d(nn.Module):
    """H-MHSA in two steps, as in both releases.

    Attention inside the cells of a grid, a residual connection and a norm; then attention from every pixel to the
    average-pooled map, a residual connection and a projection. The residual connection around both
    steps is the enclosing block's, which may hand in what is added.

    Any height and width will do: the padding of incomplete cells is masked, and incomplete pooling windows average the
    pixels that they have. Values equal those of the released code at every size that it accepts.

    Args:
        in_channels: Number of channels C.
        head_dim: Channels per head; C must be a multiple of it.
        grid_size: Side of a grid cell in the first step, in pixels.
        pool_ratio: Side of an average pooling window before the second step, in pixels.
        norm_cfg: Config of the norms: before the grid step, after it, and of the pooled map.

    Shape:
        (N, C, H, W) -> (N, C, H, W).

    Raises:
        ValueError: `in_channels` is not a multiple of `head_dim`, or `grid_size` or `pool_ratio` is not positive.
    """

    def __init__(
        self,
        in_channels: int,
        head_dim: int = 64,
        grid_size: int = 8,
        pool_ratio: int = 8,
        norm_cfg: dict = BATCH_NORM,
    ) -> None:
        super().__init__()
        _check(self, in_channels, head_dim, grid_size, pool_ratio)
        self.head_dim, self.grid_size, self.pool_ratio = head_dim, grid_size, pool_ratio
        self.norm = build_norm_layer(norm_cfg, in_channels)[1]
        self.qkv = nn.Conv2d(in_channels, 3 * in_channels, 1)
        self.grid_norm = build_norm_layer(norm_cfg, in_channels)[1]
        self.pool_norm = build_norm_layer(norm_cfg, in_channels)[1]
        self.q = nn.Conv2d(in_channels, in_channels, 1)
        self.kv = nn.Conv2d(in_channels, 2 * in_channels, 1)
        self.proj = nn.Conv2d(in_channels, in_channels, 1)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        qkv = partial(conv_pointwise, self.qkv)
        grid = self.grid_norm(grid_attention(self.norm(x), qkv, self.head_dim, self.grid_size, residual=x))
        k, v = conv_pointwise(self.kv, self.pool_norm(pool_windows(grid, self.pool_ratio))).chunk(2, 1)
        y = grid + map_attention(conv_pointwise(self.q, grid), k, v, self.head_dim)
        return in_format_of(x, conv_pointwise(self.proj, y, residual=residual))

    def fuse(self) -> None:
        """Fold the norms into the projections behind them, for inference. More than one layer reads the grid's."""
        self.norm = fold_norm_before(self.norm, self.qkv)
        self.pool_norm = fold_norm_before(self.pool_norm, self.kv)


@MODELS.register_module(name=['CascadedSelfAttention2d', 'CascadedHMHSA'])
class CascadedSelfAttention2d(nn.Module):
    """H-MHSA in any number of steps, as the paper describes it.

    Step i attends inside the cells of its grid, ``A_i = X_i + attention(norm(X_i))``. Then every cell becomes one
    token of the next step, ``X_{i+1} = maxpool(A_i) + avgpool(A_i)``, so that the next grid covers more of the image.
    The last step has no grid: it attends over the whole map. The ``A_i``, each token repeated over the pixels that it
    covers, are summed and projected. The residual connection around all steps is the enclosing block's, which may hand
    in what is added.

    Args:
        in_channels: Number of channels C.
        head_dim: Channels per head; C must be a multiple of it.
        grid_sizes: Side of a grid cell in each step but the last, in tokens of that step. Empty: a single step, which
            is full attention.
        norm_cfg: Config of the norm before each step's projections.

    Shape:
        (N, C, H, W) -> (N, C, H, W), for any height and width.

    Raises:
        ValueError: `in_channels` is not a multiple of `head_dim`, or a grid size is not positive.
    """

    def __init__(
        self,
        in_channels: int,
        head_dim: int = 64,
        grid_sizes: Sequence[int] = (8, 4),
        norm_cfg: dict = BATCH_NORM,
    ) -> None:
        super().__init__()
        _check(self, in_channels, head_dim, *grid_sizes)
        self.head_dim, self.grid_sizes = head_dim, tuple(grid_sizes)
        steps = range(len(self.grid_sizes) + 1)
        self.norms = nn.ModuleList(build_norm_layer(norm_cfg, in_channels)[1] for _ in steps)
        self.qkvs = nn.ModuleList(nn.Conv2d(in_channels, 3 * in_channels, 1) for _ in steps)
        self.proj = nn.Conv2d(in_channels, in_channels, 1)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        whole, size, stride = x, x.shape[2:], 1
        total: Tensor | int = 0
        for norm, qkv, grid_size in zip(self.norms, self.qkvs, self.grid_sizes, strict=False):
            x = grid_attention(
                norm(x), partial(conv_pointwise, cast(nn.Conv2d, qkv)), self.head_dim, grid_size, residual=x
            )
            total = total + _repeat(x, stride, size)
            x = pool_windows(x, grid_size, 'max') + pool_windows(x, grid_size)
            stride *= grid_size
        q, k, v = conv_pointwise(cast(nn.Conv2d, self.qkvs[-1]), self.norms[-1](x)).chunk(3, 1)
        x = x + map_attention(q, k, v, self.head_dim)
        y = total + _repeat(x, stride, size)
        return in_format_of(whole, conv_pointwise(self.proj, y, residual=residual))

    def fuse(self) -> None:
        """Fold the norms into the projections behind them, for inference."""
        for i, qkv in enumerate(self.qkvs):
            self.norms[i] = fold_norm_before(self.norms[i], cast(nn.Conv2d, qkv))


def _check(layer: nn.Module, in_channels: int, head_dim: int, *sizes: int) -> None:
    name = type(layer).__name__
    if in_channels % head_dim:
        raise ValueError(f'{name}: in_channels must be a multiple of head_dim, got {in_channels} and {head_dim}')
    if any(size < 1 for size in sizes):
        raise ValueError(f'{name}: grid cells and pooling windows must be at least one pixel wide, got {sizes}')


def _repeat(x: Tensor, times: int, size: Sequence[int]) -> Tensor:
    """Each token repeated over the `times` x `times` pixels that it covers, cropped to `size`."""
    height, width = size
    return x if times == 1 else crop(F.interpolate(x, scale_factor=times, mode='nearest'), height, width)
