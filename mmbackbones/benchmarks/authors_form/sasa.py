"""SASA ResNet by its paper's equation: windows unfolded around every pixel. Its authors released no code."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .steps import Pyramid


class _LocalAttention(nn.Module):
    def __init__(self, channels: int, size: int, heads: int, stride: int) -> None:
        super().__init__()
        self.size, self.heads, self.stride = size, heads, stride
        self.query = nn.Parameter(torch.zeros(channels, channels, 1, 1))
        self.key = nn.Parameter(torch.zeros(channels, channels, 1, 1))
        self.value = nn.Conv2d(channels, channels, 1, bias=False)
        self.rel_row = nn.Parameter(torch.zeros(heads, channels // heads // 2, size))
        self.rel_col = nn.Parameter(torch.zeros(heads, channels // heads // 2, size))

    def _windows(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, heads, d, size size, H W)."""
        windows = F.unfold(x, self.size, padding=self.size // 2)
        return windows.unflatten(1, (self.heads, -1, self.size**2))

    def forward(self, x: Tensor) -> Tensor:
        q, keys, values = F.conv2d(x, self.query), self._windows(F.conv2d(x, self.key)), self._windows(self.value(x))
        rows, columns = self.rel_row[..., None].expand(-1, -1, -1, self.size), self.rel_col[:, :, None]
        offsets = torch.cat((rows, columns.expand(-1, -1, self.size, -1)), 1).flatten(2)
        keys = keys + offsets[..., None]
        weights = (q.flatten(2).unflatten(1, (self.heads, -1))[:, :, :, None] * keys).sum(2).softmax(2)
        y = (weights[:, :, None] * values).sum(3).flatten(1, 2).unflatten(2, x.shape[2:])
        return F.avg_pool2d(y, 2, ceil_mode=True) if self.stride == 2 else y


class _ConvNorm(nn.Module):
    def __init__(self, conv: nn.Module, channels: int, relu: bool) -> None:
        super().__init__()
        self.conv, self.bn, self.relu = conv, nn.BatchNorm2d(channels), relu

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return F.relu(x) if self.relu else x


class _Bottleneck(nn.Module):
    def __init__(self, in_channels: int, channels: int, stride: int, attention: tuple[int, int] | None) -> None:
        super().__init__()
        width = channels // 4
        spatial: nn.Module = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        if attention is not None:
            spatial = _LocalAttention(width, *attention, stride)
        self.down = _ConvNorm(nn.Conv2d(in_channels, width, 1, bias=False), width, relu=True)
        self.spatial = _ConvNorm(spatial, width, relu=True)
        self.up = _ConvNorm(nn.Conv2d(width, channels, 1, bias=False), channels, relu=False)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != channels or stride != 1:
            self.shortcut = _ConvNorm(nn.Conv2d(in_channels, channels, 1, stride, bias=False), channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.up(self.spatial(self.down(x))))


class SASAForm(Pyramid):
    """SASA ResNet with the convolutional stem, and k x k copies of the keys and values in every attention."""

    def __init__(self, backbone: Any) -> None:
        super().__init__(backbone.out_indices)
        dims, depths = backbone.arch['embed_dims'], backbone.arch['depths']
        channels = dims[0] // 4
        stem = nn.Conv2d(backbone.in_channels, channels, 7, 2, padding=3, bias=False)
        self.stem = nn.Sequential(_ConvNorm(stem, channels, relu=True), nn.MaxPool2d(3, 2, padding=1))
        self.stages = nn.ModuleList()
        for i, stage in enumerate(backbone.stages):
            blocks = []
            for j in range(depths[i]):
                ours = getattr(stage[j].spatial.conv, 'heads', None)
                attention = None if ours is None else (stage[j].spatial.conv.kernel_size[0], ours)
                blocks.append(_Bottleneck(channels, dims[i], 2 if i > 0 and j == 0 else 1, attention))
                channels = dims[i]
            self.stages.append(nn.Sequential(*blocks))
