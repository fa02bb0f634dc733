"""What the authors' forms have in common."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def softmax_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """``softmax(q k^T / sqrt(d)) v`` by two matrix products and the whole map of weights between them.

    Shape:
        q (..., L, d), k (..., S, d), v (..., S, e) -> (..., L, e).
    """
    weights = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
    return weights.softmax(-1) @ v


class Pyramid(nn.Module):
    """A stem and stages that take one map after the other; a subclass builds them.

    Args:
        out_indices: Stages whose maps are returned.
    """

    stem: nn.Module
    stages: nn.ModuleList

    def __init__(self, out_indices: Sequence[int]) -> None:
        super().__init__()
        self.out_indices = out_indices

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x, maps = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)


class Scale(nn.Module):
    """LayerScale: one factor per channel.

    Args:
        channels: Number of channels C.
        map_like: Whether the channels are the second dimension, of a feature map, rather than the last, of tokens.
    """

    def __init__(self, channels: int, map_like: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.map_like = map_like

    def forward(self, x: Tensor) -> Tensor:
        return self.weight[:, None, None] * x if self.map_like else self.weight * x


def to_tokens(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H W, C)."""
    return x.flatten(2).transpose(1, 2)


def to_map(tokens: Tensor, height: int, width: int) -> Tensor:
    """(N, H W, C) -> (N, C, H, W), contiguous."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], tokens.shape[2], height, width).contiguous()
