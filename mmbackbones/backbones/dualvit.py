"""Dual-ViT, "Dual Vision Transformer", https://arxiv.org/abs/2207.04976 (TPAMI, 2023).

Throughout, x are the pixels, (N, H, W, C), and z the semantic tokens, (N, M, C). Channels come last in both, so x is at
once a list of tokens and, seen as (N, C, H, W), a map in the channels-last memory format: convolutions, layer norms
and attention all take it without a copy.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.scale import LayerScale
from mmengine.model import trunc_normal_init
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..layers import activation_checkpoint, init_conv_fan_out, multi_head_attention
from ..ops import is_exporting
from ..weights.families.dualvit import rename_dualvit_key
from .base import PyramidBackbone


def block_norm(channels: int) -> nn.LayerNorm:
    """The norm before a block's pixel attention and FFN, and after a stage; all others have PyTorch's eps of 1e-5."""
    return nn.LayerNorm(channels, eps=1e-6)


class PatchEmbed(nn.Module):
    """Halves the map: a 3x3 convolution of stride 2 and a layer norm.

    Shapes: (N, H, W, C_in) -> (N, ceil(H / 2), ceil(W / 2), C_out).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


class PixelStem(PatchEmbed):
    """The first pixels: three convolutions at stride 2, then a patch embedding.

    Shapes: (N, C_in, H, W) -> (N, ceil(H / 4), ceil(W / 4), C).
    """

    def __init__(self, in_channels: int, width: int, out_channels: int, norm_cfg: dict) -> None:
        super().__init__(width, out_channels)
        layers = []
        for channels, kernel_size, stride in ((in_channels, 7, 2), (width, 3, 1), (width, 3, 1)):
            layers += [
                nn.Conv2d(channels, width, kernel_size, stride, kernel_size // 2, bias=False),
                build_norm_layer(norm_cfg, width)[1],
                nn.ReLU(inplace=True),
            ]
        self.conv = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(self.conv(image).permute(0, 2, 3, 1))


def pool_to_grid(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """:func:`torch.nn.functional.adaptive_avg_pool2d`, also where it is exported for maps of any size.

    ONNX has no such operator. Cell i of n covers the pixels from floor(i H / n) to ceil((i + 1) H / n); so pooling is a
    product of matrices on either side.
    """
    if not is_exporting():
        return F.adaptive_avg_pool2d(x, grid)

    def shares(cells: int, length: int) -> Tensor:
        """(cells, length): the share of each pixel in each cell, along one side."""
        cell = torch.arange(cells, device=x.device)[:, None]
        pixel = torch.arange(length, device=x.device)
        covered = ((pixel + 1) * cells > cell * length) & (pixel * cells < (cell + 1) * length)
        return covered.to(x.dtype) / covered.to(x.dtype).sum(1, keepdim=True)

    return shares(grid[0], x.shape[2]) @ x @ shares(grid[1], x.shape[3]).T


class SemanticStem(nn.Module):
    """The first semantic tokens: learned queries attend to the pooled map and are blended with it.

    The queries form an 8x8 grid, resized to the pooled one: one token a cell. Two gates a channel, which add up to one,
    say how much of the attention's result and how much of the pooled map goes into the tokens.

    Args:
        channels: Number of channels C.
        grid: Rows and columns of the pooled map. None: one cell for every 7x7 pixels, what remains is left out.

    Shapes: (N, H, W, C) -> (N, M, C), M being the cells of the grid.
    """

    query_grid = (8, 8)

    def __init__(self, channels: int, grid: tuple[int, int] | None) -> None:
        super().__init__()
        self.grid = grid
        self.query = nn.Parameter(nn.init.trunc_normal_(torch.empty(64, channels), std=0.02))
        self.query_norm = nn.LayerNorm(channels)
        self.query_proj = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.gate = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, 2 * channels))
        self.norm = nn.LayerNorm(channels)

    def queries(self, grid: tuple[int, int]) -> Tensor:
        """The queries resized to a grid: (1, M, C)."""
        query = self.query.T.unflatten(1, self.query_grid)[None]
        return F.interpolate(query, grid, mode='bicubic').flatten(2).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        pooled = F.avg_pool2d(x, 7) if self.grid is None else pool_to_grid(x, self.grid)
        query = self.queries(pooled.shape[2:])
        pooled = pooled.flatten(2).transpose(1, 2)

        query = self.query_proj(self.query_norm(query)).expand_as(pooled)
        attended = multi_head_attention(query, *self.kv(pooled).chunk(2, -1), num_heads=1)
        gates = self.gate((attended + pooled).mean(1, keepdim=True)).unflatten(-1, (2, -1)).softmax(2)
        return self.norm(gates[:, :, 0] * attended + gates[:, :, 1] * pooled)


class Stem(nn.Module):
    """Where both pathways begin.

    Shapes: (N, C_in, H, W) -> x (N, ceil(H / 4), ceil(W / 4), C), z (N, M, C).
    """

    def __init__(self, pixels: PixelStem, semantics: SemanticStem) -> None:
        super().__init__()
        self.pixels = pixels
        self.semantics = semantics

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pixels(image)
        return x, self.semantics(x)


class Attention(nn.Module):
    """Multi-head attention of tokens to a context.

    Shapes: (N, L, C), (N, S, C) -> (N, L, C).
    """

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor, context: Tensor) -> Tensor:
        return self.proj(multi_head_attention(self.q(tokens), *self.kv(context).chunk(2, -1), self.num_heads))


class ConvFFN(nn.Module):
    """The pixels' feed-forward network: linear, 3x3 depthwise convolution, GELU, linear.

    Shapes: (N, H, W, C) -> (N, H, W, C).
    """

    def __init__(self, channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden_channels)
        self.dw_conv = nn.Conv2d(hidden_channels, hidden_channels, 3, padding=1, groups=hidden_channels)
        self.fc2 = nn.Linear(hidden_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dw_conv(self.fc1(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.fc2(F.gelu(x))


def ffn(channels: int, ratio: int, activation: type[nn.Module]) -> nn.Sequential:
    """The semantic tokens' feed-forward network: (N, M, C) -> (N, M, C)."""
    return nn.Sequential(nn.Linear(channels, ratio * channels), activation(), nn.Linear(ratio * channels, channels))


class SemanticPathway(nn.Module):
    """The semantic half of a dual block: the tokens attend to each other, then to the pixels, then pass an FFN.

    Shapes: z (N, M, C), pixels (N, HW, C) -> z (N, M, C).
    """

    def __init__(self, channels: int, num_heads: int, drop_path: float, layer_scale: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm1 = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.layer_scale_1 = LayerScale(channels, scale=layer_scale)
        self.norm2 = nn.LayerNorm(channels)
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.layer_scale_2 = LayerScale(channels, scale=layer_scale)
        self.norm3 = nn.LayerNorm(channels)
        self.mlp = ffn(channels, 4, nn.ReLU)
        self.layer_scale_3 = LayerScale(channels, scale=layer_scale)
        self.drop_path = DropPath(drop_path)

    def forward(self, z: Tensor, pixels: Tensor) -> Tensor:
        y = multi_head_attention(*self.qkv(self.norm1(z)).chunk(3, -1), self.num_heads)
        z = z + self.drop_path(self.layer_scale_1(y))
        y = multi_head_attention(self.q(self.norm2(z)), *self.kv(pixels).chunk(2, -1), self.num_heads)
        z = z + self.drop_path(self.layer_scale_2(y))
        return z + self.drop_path(self.layer_scale_3(self.mlp(self.norm3(z))))


class DualBlock(nn.Module):
    """A block of stages 1 and 2: the semantic tokens read the pixels, then the pixels read the semantic tokens.

    Shapes: x (N, H, W, C), z (N, M, C) -> the same.
    """

    def __init__(self, channels: int, num_heads: int, mlp_ratio: int, drop_path: float, layer_scale: float) -> None:
        super().__init__()
        self.norm1 = block_norm(channels)
        self.semantic = SemanticPathway(channels, num_heads, drop_path, layer_scale)
        self.semantic_norm = nn.LayerNorm(channels)
        self.attn = Attention(channels, num_heads)
        self.layer_scale_1 = LayerScale(channels, scale=layer_scale)
        self.norm2 = block_norm(channels)
        self.mlp = ConvFFN(channels, mlp_ratio * channels)
        self.layer_scale_2 = LayerScale(channels, scale=layer_scale)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        pixels = self.norm1(x).flatten(1, 2)
        z = self.semantic(z, pixels)
        y = self.attn(pixels, self.semantic_norm(z)).view_as(x)
        x = x + self.drop_path(self.layer_scale_1(y))
        return x + self.drop_path(self.layer_scale_2(self.mlp(self.norm2(x)))), z


class MergeBlock(nn.Module):
    """A block of stages 3 and 4: self-attention over pixels and semantic tokens, concatenated, and an FFN for each.

    Args:
        semantic_ffn: Whether semantic tokens pass an FFN. If not, they are returned as the attention left them, for
            nothing to read: so it is with the network's last block.

    Shapes: x (N, H, W, C), z (N, M, C) -> the same.
    """

    def __init__(
        self, channels: int, num_heads: int, mlp_ratio: int, drop_path: float, layer_scale: float, semantic_ffn: bool
    ) -> None:
        super().__init__()
        self.norm1 = block_norm(channels)
        self.attn = Attention(channels, num_heads)
        self.layer_scale_1 = LayerScale(channels, scale=layer_scale)
        self.norm2 = block_norm(channels)
        self.mlp = ConvFFN(channels, mlp_ratio * channels)
        self.semantic_mlp = ffn(channels, 2, nn.GELU) if semantic_ffn else None
        self.layer_scale_2 = LayerScale(channels, scale=layer_scale)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        height, width = x.shape[1:3]
        tokens = torch.cat((self.norm1(x).flatten(1, 2), self.norm1(z)), 1)
        tokens = self.drop_path(self.layer_scale_1(self.attn(tokens, tokens)))
        pixels = height * width
        x, z = x + tokens[:, :pixels].unflatten(1, (height, width)), z + tokens[:, pixels:]
        x = x + self.drop_path(self.layer_scale_2(self.mlp(self.norm2(x))))
        if self.semantic_mlp is not None:
            z = z + self.drop_path(self.layer_scale_2(self.semantic_mlp(self.norm2(z))))
        return x, z


class Stage(nn.Module):
    """An embedding for each pathway (the first stage's are the stem), blocks, and a norm for each pathway.

    Shapes: x (N, H, W, C_in), z (N, M, C_in) -> x (N, ceil(H / 2), ceil(W / 2), C), z (N, M, C); the first stage keeps
        H and W.
    """

    def __init__(
        self,
        embeds: tuple[nn.Module, nn.Module],
        blocks: list[nn.Module],
        norms: tuple[nn.Module, nn.Module],
        with_cp: bool,
    ) -> None:
        super().__init__()
        self.patch_embed, self.semantic_embed = embeds
        self.blocks = nn.ModuleList(blocks)
        self.norm, self.semantic_norm = norms
        self.with_cp = with_cp

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        x, z = self.patch_embed(x), self.semantic_embed(z)
        for block in self.blocks:
            x, z = activation_checkpoint(block, x, z) if self.with_cp and torch.is_grad_enabled() else block(x, z)
        return self.norm(x), self.semantic_norm(z)


def _init(module: nn.Module) -> None:
    init_conv_fan_out(module)
    if isinstance(module, nn.Linear):
        trunc_normal_init(module, std=0.02)


def _arch(stem_width: int, embed_dims: tuple[int, ...], depths: tuple[int, ...], num_heads: tuple[int, ...]) -> dict:
    return dict(
        stem_width=stem_width, embed_dims=embed_dims, depths=depths, num_heads=num_heads, mlp_ratios=(8, 8, 4, 3)
    )


@MODELS.register_module()
class DualViT(PyramidBackbone):
    """Dual-ViT S, B and L, loading the authors' classification or downstream files as released.

    Each feature map is the output of its stage's layer norm, which is also what the next stage goes on from.

    Args:
        semantic_grid: Rows and columns of the semantic tokens. None follows the authors' code: one token for every
            28x28 pixels of the image, so that their number grows with it. ``(8, 8)`` keeps them at the 64 that an
            image of 224x224 has, by pooling any map to that grid: dual blocks are linear in the number of pixels then.
        layer_scale: What each branch of a block is scaled by at the start. Without pre-training the authors' 1e-6 lets
            the blocks do next to nothing for long; 0.1 to 1 is better then.

    Other arguments and shapes: see :class:`PyramidBackbone`. An `arch` dict has the keys ``stem_width`` (a number) and
        ``embed_dims``, ``depths``, ``num_heads`` and ``mlp_ratios`` (one entry a stage).

    Raises:
        ValueError: As the base class; `semantic_grid` is no pair of positive numbers; channels can't be split into the
            heads.
    """

    arch_zoo = {
        **dict.fromkeys(('small', 's'), _arch(32, (64, 128, 320, 448), (3, 4, 6, 3), (2, 4, 10, 14))),
        **dict.fromkeys(('base', 'b'), _arch(64, (64, 128, 320, 512), (3, 4, 15, 3), (2, 4, 10, 16))),
        **dict.fromkeys(('large', 'l'), _arch(64, (96, 192, 384, 512), (3, 6, 21, 3), (3, 6, 12, 16))),
    }

    rename_key = staticmethod(rename_dualvit_key)

    def __init__(
        self,
        arch: str | dict = 'small',
        semantic_grid: Sequence[int] | None = None,
        layer_scale: float = 1e-6,
        norm_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(arch, norm_cfg=norm_cfg or dict(type='BN'), **kwargs)
        dims = self.arch['embed_dims']
        if any(dim % heads for dim, heads in zip(dims, self.arch['num_heads'], strict=True)):
            raise ValueError(f'embed_dims must be multiples of num_heads, got {dims} and {self.arch["num_heads"]}')
        self.semantic_grid = self._check_grid(semantic_grid)
        self.layer_scale = layer_scale
        self.stem = Stem(
            PixelStem(self.in_channels, self.arch['stem_width'], dims[0], self.norm_cfg),
            SemanticStem(dims[0], self.semantic_grid),
        )
        for i in range(self.num_stages):
            self.stages.append(self._stage(i, is_last=i == self.num_stages - 1))
        self.apply(_init)
        self.freeze_stages()

    @staticmethod
    def _check_grid(grid: Sequence[int] | None) -> tuple[int, int] | None:
        if grid is None:
            return None
        if not (isinstance(grid, Sequence) and len(grid) == 2 and all(isinstance(n, int) and n > 0 for n in grid)):
            raise ValueError(f'semantic_grid must be None or two positive numbers (rows, columns), got {grid!r}')
        return tuple(grid)

    def _stage(self, i: int, is_last: bool) -> Stage:
        dims, depths, heads, ratios = (self.arch[key] for key in ('embed_dims', 'depths', 'num_heads', 'mlp_ratios'))
        blocks = []
        for j, drop_path in enumerate(self.drop_path_rates(depths, i)):
            ratio = ratios[i] - 1 if i == 2 and j % 2 else ratios[i]  # as in the released weights
            args = (dims[i], heads[i], ratio, drop_path, self.layer_scale)
            blocks.append(
                DualBlock(*args) if i < 2 else MergeBlock(*args, semantic_ffn=not (is_last and j == depths[i] - 1))
            )
        embeds = nn.Identity(), nn.Identity()
        if i:
            semantic_embed = nn.Sequential(nn.Linear(dims[i - 1], dims[i]), nn.LayerNorm(dims[i]))
            embeds = PatchEmbed(dims[i - 1], dims[i]), semantic_embed
        norms = block_norm(dims[i]), nn.Identity() if is_last else block_norm(dims[i])
        return Stage(embeds, blocks, norms, self.with_cp)

    def is_ignored_key(self, key: str) -> bool:
        """Whether `key` (ours) belongs to a stage, or to a part of the last one, that nothing would read."""
        last = self.num_stages - 1
        unread = f'stages.{last}.semantic_norm.', f'stages.{last}.blocks.{self.arch["depths"][last] - 1}.semantic_mlp.'
        return key.startswith(unread) or super().is_ignored_key(key)

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """The maps of `out_indices` for a checked image, channels-last in memory."""
        x, z = self.stem(x)
        outs = []
        for i, stage in enumerate(self.stages):
            x, z = stage(x, z)
            if i in self.out_indices:
                outs.append(x.permute(0, 3, 1, 2))
        return outs
