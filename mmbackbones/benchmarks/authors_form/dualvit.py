"""Dual-ViT in the authors' form: lists of tokens, (N, L, C), that are laid out as maps for each convolution."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .steps import Scale, softmax_attention, to_map, to_tokens


def _attend(q: Tensor, k: Tensor, v: Tensor, num_heads: int) -> Tensor:
    """Multi-head attention of tokens (N, L, C) to tokens (N, S, C)."""
    q, k, v = (x.unflatten(2, (num_heads, -1)).transpose(1, 2) for x in (q, k, v))
    return softmax_attention(q, k, v).transpose(1, 2).flatten(2)


def _pixel_norm(channels: int) -> nn.LayerNorm:
    return nn.LayerNorm(channels, eps=1e-6)


class _PatchEmbed(nn.Module):
    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, channels, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        x = self.proj(x)
        return self.norm(to_tokens(x)), x.shape[2], x.shape[3]


class _PixelStem(_PatchEmbed):
    def __init__(self, in_channels: int, width: int, channels: int) -> None:
        super().__init__(width, channels)
        layers: list[nn.Module] = []
        for before, size, stride in ((in_channels, 7, 2), (width, 3, 1), (width, 3, 1)):
            conv = nn.Conv2d(before, width, size, stride, size // 2, bias=False)
            layers += [conv, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> tuple[Tensor, int, int]:
        return super().forward(self.conv(x))


class _SemanticStem(nn.Module):
    def __init__(self, channels: int, grid: tuple[int, int] | None) -> None:
        super().__init__()
        self.grid = grid
        self.query = nn.Parameter(torch.zeros(64, channels))
        self.query_norm, self.query_proj = nn.LayerNorm(channels), nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.gate = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, 2 * channels))
        self.norm = nn.LayerNorm(channels)

    def forward(self, pixels: Tensor, height: int, width: int) -> Tensor:
        x = to_map(pixels, height, width)
        x = F.avg_pool2d(x, 7) if self.grid is None else F.adaptive_avg_pool2d(x, self.grid)
        query = F.interpolate(to_map(self.query[None], 8, 8), x.shape[2:], mode='bicubic')
        query, pooled = self.query_proj(self.query_norm(to_tokens(query))), to_tokens(x)
        k, v = self.kv(pooled).chunk(2, -1)
        attended = softmax_attention(query, k, v)
        gates = self.gate((attended + pooled).mean(1, keepdim=True)).unflatten(-1, (2, -1)).softmax(2)
        return self.norm(gates[:, :, 0] * attended + gates[:, :, 1] * pooled)


class _Stem(nn.Module):
    def __init__(self, pixels: nn.Module, semantics: nn.Module) -> None:
        super().__init__()
        self.pixels, self.semantics = pixels, semantics

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, int, int]:
        x, height, width = self.pixels(image)
        return x, self.semantics(x, height, width), height, width


class _FFN(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.dw_conv = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x: Tensor, height: int, width: int) -> Tensor:
        return self.fc2(F.gelu(to_tokens(self.dw_conv(to_map(self.fc1(x), height, width)))))


def _mlp(channels: int, ratio: int, activation: type[nn.Module]) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, ratio * channels), activation(), nn.Linear(ratio * channels, channels))


class _TokenAttention(nn.Module):
    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q, self.kv = nn.Linear(channels, channels), nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        k, v = self.kv(context).chunk(2, -1)
        return self.proj(_attend(self.q(tokens), k, v, self.num_heads))


class _SemanticPathway(nn.Module):
    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm1, self.qkv = nn.LayerNorm(channels), nn.Linear(channels, 3 * channels)
        self.layer_scale_1 = Scale(channels, map_like=False)
        self.norm2, self.q = nn.LayerNorm(channels), nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.layer_scale_2 = Scale(channels, map_like=False)
        self.norm3, self.mlp = nn.LayerNorm(channels), _mlp(channels, 4, nn.ReLU)
        self.layer_scale_3 = Scale(channels, map_like=False)

    def forward(self, z: Tensor, pixels: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(z)).chunk(3, -1)
        z = z + self.layer_scale_1(_attend(q, k, v, self.num_heads))
        k, v = self.kv(pixels).chunk(2, -1)
        z = z + self.layer_scale_2(_attend(self.q(self.norm2(z)), k, v, self.num_heads))
        return z + self.layer_scale_3(self.mlp(self.norm3(z)))


class _DualBlock(nn.Module):
    def __init__(self, channels: int, num_heads: int, ratio: int) -> None:
        super().__init__()
        self.norm1 = _pixel_norm(channels)
        self.semantic, self.semantic_norm = _SemanticPathway(channels, num_heads), nn.LayerNorm(channels)
        self.attn = _TokenAttention(channels, num_heads)
        self.layer_scale_1 = Scale(channels, map_like=False)
        self.norm2, self.mlp = _pixel_norm(channels), _FFN(channels, ratio * channels)
        self.layer_scale_2 = Scale(channels, map_like=False)

    def forward(self, x: Tensor, z: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        pixels = self.norm1(x)
        z = self.semantic(z, pixels)
        x = x + self.layer_scale_1(self.attn(pixels, self.semantic_norm(z)))
        return x + self.layer_scale_2(self.mlp(self.norm2(x), height, width)), z


class _MergeBlock(nn.Module):
    def __init__(self, channels: int, num_heads: int, ratio: int, semantic_mlp: bool) -> None:
        super().__init__()
        self.norm1, self.attn = _pixel_norm(channels), _TokenAttention(channels, num_heads)
        self.layer_scale_1 = Scale(channels, map_like=False)
        self.norm2, self.mlp = _pixel_norm(channels), _FFN(channels, ratio * channels)
        self.semantic_mlp = _mlp(channels, 2, nn.GELU) if semantic_mlp else None
        self.layer_scale_2 = Scale(channels, map_like=False)

    def forward(self, x: Tensor, z: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        tokens = self.norm1(torch.cat((x, z), 1))
        tokens = torch.cat((x, z), 1) + self.layer_scale_1(self.attn(tokens, tokens))
        x, z = tokens.split((x.shape[1], z.shape[1]), 1)
        x = x + self.layer_scale_2(self.mlp(self.norm2(x), height, width))
        if self.semantic_mlp is not None:
            z = z + self.layer_scale_2(self.semantic_mlp(self.norm2(z)))
        return x, z


class _Stage(nn.Module):
    def __init__(self, embeds: tuple, blocks: list, norms: tuple) -> None:
        super().__init__()
        self.patch_embed, self.semantic_embed = embeds
        self.blocks = nn.ModuleList(blocks)
        self.norm, self.semantic_norm = norms

    def forward(self, x: Tensor, z: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        for block in self.blocks:
            x, z = block(x, z, height, width)
        return to_map(self.norm(x), height, width), self.semantic_norm(z)


class DualViTForm(nn.Module):
    """Dual-ViT, with all attention as products around a softmax, and tokens that become maps for each convolution."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.out_indices = backbone.out_indices
        arch = backbone.arch
        dims = arch['embed_dims']
        self.stem = _Stem(
            _PixelStem(backbone.in_channels, arch['stem_width'], dims[0]),
            _SemanticStem(dims[0], backbone.semantic_grid),
        )
        self.stages = nn.ModuleList()
        for i, (dim, depth, num_heads) in enumerate(zip(dims, arch['depths'], arch['num_heads'], strict=True)):
            blocks: list[nn.Module] = []
            for j in range(depth):
                ratio = arch['mlp_ratios'][i] - (i == 2 and j % 2)
                merge = i > 1
                last = i == 3 and j == depth - 1  # whose tokens nothing reads
                blocks.append(
                    _MergeBlock(dim, num_heads, ratio, not last) if merge else _DualBlock(dim, num_heads, ratio)
                )
            embeds: tuple = (nn.Identity(), nn.Identity())
            if i:
                embed = nn.Sequential(nn.Linear(dims[i - 1], dim), nn.LayerNorm(dim))
                embeds = _PatchEmbed(dims[i - 1], dim), embed
            norms = _pixel_norm(dim), nn.Identity() if i == 3 else _pixel_norm(dim)
            self.stages.append(_Stage(embeds, blocks, norms))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        x, z, height, width = self.stem(image)
        maps: list[Tensor] = []
        stage: Any
        for i, stage in enumerate(self.stages):
            if i:
                x, height, width = stage.patch_embed(maps[-1])
                z = stage.semantic_embed(z)
            y, z = stage(x, z, height, width)
            maps.append(y)
        return tuple(maps[i] for i in self.out_indices)
