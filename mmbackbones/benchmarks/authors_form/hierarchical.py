"""TransCNN and HAT-Net in the authors' form."""

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .steps import Pyramid, softmax_attention

Norm = Callable[[int], nn.Module]


def _heads(x: Tensor, head_dim: int) -> Tensor:
    """(N, C, H, W) -> (N, heads, H W, d), contiguous."""
    return x.flatten(2).unflatten(1, (-1, head_dim)).transpose(2, 3).contiguous()


def _from_heads(x: Tensor, height: int, width: int) -> Tensor:
    """(N, heads, H W, d) -> (N, C, H, W), contiguous."""
    return x.transpose(2, 3).reshape(x.shape[0], -1, height, width)


class _FullAttention(nn.Module):
    def __init__(self, norm: Norm, channels: int, head_dim: int) -> None:
        super().__init__()
        self.head_dim = head_dim
        self.norm = norm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (_heads(part, self.head_dim) for part in self.qkv(self.norm(x)).chunk(3, 1))
        return self.proj(_from_heads(softmax_attention(q, k, v), *x.shape[2:]))


class HMHSA(_FullAttention):
    def __init__(self, norm: Norm, channels: int, head_dim: int, grid: int, ratio: int) -> None:
        super().__init__(norm, channels, head_dim)
        self.grid, self.ratio = grid, ratio
        self.grid_norm, self.pool_norm = norm(channels), norm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.kv = nn.Conv2d(channels, 2 * channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        g, d = self.grid, self.head_dim
        cells = self.qkv(self.norm(x)).reshape(n, 3, c // d, d, h // g, g, w // g, g)
        q, k, v = cells.permute(1, 0, 4, 6, 2, 5, 7, 3).reshape(3, n * (h // g) * (w // g), c // d, g * g, d).unbind()
        near = softmax_attention(q, k, v).reshape(n, h // g, w // g, c // d, g, g, d)
        near = near.permute(0, 3, 6, 1, 4, 2, 5).reshape(n, c, h, w)
        near = self.grid_norm(x + near)

        pooled = self.pool_norm(F.avg_pool2d(near, self.ratio))
        k, v = (_heads(part, d) for part in self.kv(pooled).chunk(2, 1))
        far = softmax_attention(_heads(self.q(near), d), k, v)
        return self.proj(near + _from_heads(far, h, w))


class _IRB(nn.Module):
    def __init__(self, norm: Norm, channels: int, expansion: int, size: int, norms: str) -> None:
        super().__init__()
        hidden = channels * expansion
        inner = norm if norms == 'each' else nn.Identity
        self.norm = norm(channels) if norms == 'ends' else nn.Identity()
        self.expand, self.expand_norm = nn.Conv2d(channels, hidden, 1, bias=False), inner(hidden)
        self.dw_conv = nn.Conv2d(hidden, hidden, size, padding=size // 2, groups=hidden, bias=False)
        self.dw_norm = inner(hidden)
        self.project, self.project_norm = nn.Conv2d(hidden, channels, 1, bias=False), norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.expand_norm(self.expand(self.norm(x))))
        x = F.silu(self.dw_norm(self.dw_conv(x)))
        return self.project_norm(self.project(x))


class _Block(nn.Module):
    def __init__(self, attention: nn.Module, irb: nn.Module) -> None:
        super().__init__()
        self.attn, self.irb = attention, irb

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(x)
        return x + self.irb(x)


class _Stem(nn.Module):
    def __init__(self, norm: Norm, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(in_channels, 16, 3, 2, padding=1), norm(16)
        self.conv2 = nn.Conv2d(16, channels, 3, 2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(F.silu(self.norm1(self.conv1(x))))


class _TwoBranchDownsampling(nn.Module):
    def __init__(self, norm: Norm, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv, self.conv_norm = nn.Conv2d(in_channels, channels, 3, 2, padding=1), norm(channels)
        self.pool_conv, self.pool_norm = nn.Conv2d(in_channels, channels, 1), norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.max_pool2d(x, 2)
        return F.silu(self.conv_norm(self.conv(x)) + self.pool_norm(self.pool_conv(pooled)))


class _Downsampling(nn.Module):
    def __init__(self, norm: Norm, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(in_channels, channels, 3, 2, padding=1), norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class _Stage(nn.Module):
    def __init__(self, downsample: nn.Module, blocks: list[_Block]) -> None:
        super().__init__()
        self.downsample, self.blocks = downsample, nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.downsample(x))


def _single_group(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(1, channels, eps=1e-6)


class HierarchicalForm(Pyramid):
    """TransCNN or HAT-Net, with every grid cell's and the pooled map's attention as products around a softmax."""

    def __init__(self, backbone: Any) -> None:
        super().__init__(backbone.out_indices)
        arch = backbone.arch
        dims, two_branches = arch['embed_dims'], type(backbone).__name__ == 'TransCNN'
        norm: Norm = nn.BatchNorm2d if two_branches else _single_group
        down = _TwoBranchDownsampling if two_branches else _Downsampling
        self.stem = _Stem(norm, backbone.in_channels, dims[0])
        self.stages = nn.ModuleList()
        for i in range(4):
            sizes = dict(arch['attentions'][i])
            kind = {'HierarchicalSelfAttention2d': HMHSA, 'MultiHeadSelfAttention2d': _FullAttention}[sizes.pop('type')]
            blocks = [
                _Block(
                    kind(norm, dims[i], arch['head_dim'], *sizes.values()),
                    _IRB(norm, dims[i], arch['expansions'][i], arch['kernel_sizes'][i], backbone.irb_norms),
                )
                for _ in range(arch['depths'][i])
            ]
            self.stages.append(_Stage(down(norm, dims[i - 1], dims[i]) if i else nn.Identity(), blocks))
