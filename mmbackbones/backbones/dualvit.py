"""Dual-ViT: "Dual Vision Transformer", https://arxiv.org/abs/2207.04976 (TPAMI, 2023).

Stages 1 and 2 are dual blocks, :class:`DualBlock` with its :class:`SemanticPathway`; stages 3 and 4 are merge blocks,
:class:`MergeBlock`. The authors' classifier is :class:`mmbackbones.heads.ClassAttentionHead`.

The authors' code and weights: https://github.com/YehLi/ImageNetModel, Apache-2.0. Details that the paper leaves open,
such as the two epsilons of the layer norms, follow that code; nothing is copied from it.

Throughout, x are the pixels, (N, H, W, C), and z the semantic tokens, (N, M, C). Channels come last in both, so x is at
once a list of tokens and, seen as (N, C, H, W), a map in the channels-last memory format: convolutions, layer norms
and attention all take it without a copy.
"""

from collections.abc import Sequence
from math import prod
from typing import cast

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmengine.model import trunc_normal_init
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..heads import ClassAttentionHead
from ..layers import (
    LayerScale,
    TokenAttention,
    can_fold_into,
    feed_forward,
    fold_norm_after,
    fold_scale_after,
    init_conv_fan_out,
    multi_head_attention,
    run_blocks,
    scaled_linear,
)
from ..ops import conv_pointwise, is_exporting, linear_pointwise, pool_to_grid
from ..weights.families.dualvit import rename_dualvit_key
from .base import PyramidBackbone


def block_norm(channels: int) -> nn.LayerNorm:
    """The layer norm before a block's pixel attention and FFN and after a stage; all others have an eps of 1e-5."""
    return nn.LayerNorm(channels, eps=1e-6)


class PatchEmbed(nn.Module):
    """Patch embedding between stages: a 3x3 convolution of stride 2 and a layer norm.

    Shape:
        (N, H, W, C_in) -> (N, ceil(H / 2), ceil(W / 2), C_out).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


class PixelStem(PatchEmbed):
    """The stem of the pixel pathway: three convolutions at stride 2, then a patch embedding.

    Shape:
        (N, C_in, H, W) -> (N, ceil(H / 4), ceil(W / 4), C).
    """

    def __init__(self, in_channels: int, width: int, out_channels: int, norm_cfg: dict) -> None:
        super().__init__(width, out_channels)
        layers: list[nn.Module] = []
        for channels, kernel_size, stride in ((in_channels, 7, 2), (width, 3, 1), (width, 3, 1)):
            layers += [
                nn.Conv2d(channels, width, kernel_size, stride, kernel_size // 2, bias=False),
                build_norm_layer(norm_cfg, width)[1],
                nn.ReLU(inplace=True),
            ]
        self.conv = nn.Sequential(*layers)

    def fuse(self) -> None:
        """Fold the norms into the convolutions."""
        for i in range(0, len(self.conv), 3):
            self.conv[i + 1] = fold_norm_after(cast(nn.Conv2d, self.conv[i]), self.conv[i + 1])

    def forward(self, image: Tensor) -> Tensor:
        x = image
        for conv, norm, relu in zip(*[iter(self.conv)] * 3, strict=True):
            folded = isinstance(norm, nn.Identity)
            x = conv_pointwise(conv, x, 'relu') if folded else relu(norm(conv(x)))
        return super().forward(x.permute(0, 2, 3, 1))


class SemanticStem(nn.Module):
    """The stem of the semantic pathway: learned queries attend to the pooled map and are blended with it.

    The queries form an 8x8 grid, which is resized to the pooled map: one token per cell. Two gates per channel, which
    add up to one, weigh the result of the attention against the pooled map.

    Args:
        channels: Number of channels C.
        grid: Rows and columns of the pooled map. None: one cell for every 7x7 pixels; incomplete cells are dropped.

    Attributes:
        keep_full_grid (bool): Whether a pooled map of 64 cells, even one of 4x16, takes the queries unchanged, as in
            the authors' classification code. Their detection code resizes them.

    Shape:
        (N, H, W, C) -> (N, M, C), where M is the number of cells.
    """

    query_grid = (8, 8)

    def __init__(self, channels: int, grid: tuple[int, int] | None) -> None:
        super().__init__()
        self.grid = grid
        self.keep_full_grid = False
        self.query = nn.Parameter(nn.init.trunc_normal_(torch.empty(prod(self.query_grid), channels), std=0.02))
        self.query_norm = nn.LayerNorm(channels)
        self.query_proj = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.gate = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, 2 * channels))
        self.norm = nn.LayerNorm(channels)

    def queries(self, grid: Sequence[int]) -> Tensor:
        """The queries for a grid of M cells: (1, M, C)."""
        if not self.keep_full_grid:
            return self._resized_queries(grid)
        cells = prod(self.query_grid)
        if not is_exporting():
            return self.query[None] if prod(grid) == cells else self._resized_queries(grid)
        # Recorded for any size, the choice has to be made by values, not by Python.
        resized, last = self._resized_queries(grid), cells - 1
        cell = torch.arange(resized.shape[1], device=resized.device)
        return torch.where(cell.amax() == last, self.query[cell.clamp(max=last)], resized)

    def _resized_queries(self, grid: Sequence[int]) -> Tensor:
        query = self.query.T.unflatten(1, self.query_grid)[None]
        return F.interpolate(query, tuple(grid), mode='bicubic').flatten(2).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 3, 1, 2)
        pooled = F.avg_pool2d(x, 7) if self.grid is None else pool_to_grid(x, self.grid)
        query = self.queries(pooled.shape[2:])
        pooled = pooled.flatten(2).transpose(1, 2)

        query = self.query_proj(self.query_norm(query)).expand_as(pooled)
        k, v = self.kv(pooled).chunk(2, -1)
        attended = multi_head_attention(query, k, v, num_heads=1)
        gates = self.gate((attended + pooled).mean(1, keepdim=True)).unflatten(-1, (2, -1)).softmax(2)
        return self.norm(gates[:, :, 0] * attended + gates[:, :, 1] * pooled)


class Stem(nn.Module):
    """The stems of both pathways.

    Shape:
        (N, C_in, H, W) -> x (N, ceil(H / 4), ceil(W / 4), C), z (N, M, C).
    """

    def __init__(self, pixels: PixelStem, semantics: SemanticStem) -> None:
        super().__init__()
        self.pixels = pixels
        self.semantics = semantics

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pixels(image)
        return x, self.semantics(x)


class ConvFFN(nn.Module):
    """The feed-forward network of the pixels: linear, 3x3 depthwise convolution, GELU, linear.

    Shape:
        (N, H, W, C) -> (N, H, W, C).
    """

    def __init__(self, channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden_channels)
        self.dw_conv = nn.Conv2d(hidden_channels, hidden_channels, 3, padding=1, groups=hidden_channels)
        self.fc2 = nn.Linear(hidden_channels, channels)

    def forward(self, x: Tensor, layer_scale: nn.Module | None = None) -> Tensor:
        """The result, multiplied by `layer_scale` where it is given."""
        x = linear_pointwise(self.fc1, x).permute(0, 3, 1, 2)
        x = conv_pointwise(self.dw_conv, x, 'gelu').permute(0, 2, 3, 1)
        return scaled_linear(self.fc2, layer_scale, x)


class SemanticPathway(nn.Module):
    """The semantic half of a dual block: the tokens attend to each other, then to the pixels, then pass an FFN.

    Shape:
        z (N, M, C), pixels (N, HW, C) -> z (N, M, C).
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
        self.mlp = feed_forward(channels, 4, nn.ReLU)
        self.layer_scale_3 = LayerScale(channels, scale=layer_scale)
        self.drop_path = DropPath(drop_path)

    def fuse(self) -> None:
        """Fold the layer scales into what comes before them: the values of the attentions and the FFN."""
        for linear, name in ((self.qkv, 'layer_scale_1'), (self.kv, 'layer_scale_2'), (self.mlp[-1], 'layer_scale_3')):
            _fold_layer_scale(self, name, linear)

    def forward(self, z: Tensor, pixels: Tensor) -> Tensor:
        q, k, v = linear_pointwise(self.qkv, self.norm1(z)).chunk(3, -1)
        y = multi_head_attention(q, k, v, self.num_heads)
        z = z + self.drop_path(self.layer_scale_1(y))
        k, v = linear_pointwise(self.kv, pixels).chunk(2, -1)
        y = multi_head_attention(linear_pointwise(self.q, self.norm2(z)), k, v, self.num_heads)
        z = z + self.drop_path(self.layer_scale_2(y))
        return z + self.drop_path(self.layer_scale_3(self.mlp(self.norm3(z))))


def _fold_layer_scale(block: nn.Module, name: str, *layers: nn.Module) -> None:
    """Fold a block's layer scale into the last channels of the linear layers before it, if all of them take it."""
    if not can_fold_into(*layers):
        return
    scale = cast(LayerScale, getattr(block, name)).weight
    for layer in layers:
        linear = cast(nn.Linear, layer)
        unscaled = scale.new_ones(linear.out_features - len(scale))
        setattr(block, name, fold_scale_after(linear, torch.cat((unscaled, scale))))


class DualBlock(nn.Module):
    """A block of stages 1 and 2: the semantic tokens read the pixels, then the pixels read the semantic tokens.

    Shape:
        x (N, H, W, C), z (N, M, C) -> the same.
    """

    def __init__(self, channels: int, num_heads: int, mlp_ratio: int, drop_path: float, layer_scale: float) -> None:
        super().__init__()
        self.norm1 = block_norm(channels)
        self.semantic = SemanticPathway(channels, num_heads, drop_path, layer_scale)
        self.semantic_norm = nn.LayerNorm(channels)
        self.attn = TokenAttention(channels, num_heads)
        self.layer_scale_1 = LayerScale(channels, scale=layer_scale)
        self.norm2 = block_norm(channels)
        self.mlp = ConvFFN(channels, mlp_ratio * channels)
        self.layer_scale_2 = LayerScale(channels, scale=layer_scale)
        self.drop_path = DropPath(drop_path)

    def fuse(self) -> None:
        """Fold the layer scales into the linear layers before them."""
        _fold_layer_scale(self, 'layer_scale_1', self.attn.proj)
        _fold_layer_scale(self, 'layer_scale_2', self.mlp.fc2)

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        pixels = self.norm1(x).flatten(1, 2)
        z = self.semantic(z, pixels)
        y = self.attn(pixels, self.semantic_norm(z), self.layer_scale_1).view_as(x)
        x = x + self.drop_path(y)
        return x + self.drop_path(self.mlp(self.norm2(x), self.layer_scale_2)), z


def build_semantic_mlp(channels: int) -> nn.Sequential:
    """Build the feed-forward network of the semantic tokens in a merge block."""
    return feed_forward(channels, 2, nn.GELU)


class MergeBlock(nn.Module):
    """A block of stages 3 and 4: self-attention over pixels and semantic tokens, concatenated, and an FFN for each.

    Args:
        semantic_ffn: Whether the semantic tokens pass an FFN. In the network's last block, whose tokens nothing but
            a classifier reads, they do not.

    Shape:
        x (N, H, W, C), z (N, M, C) -> the same.
    """

    def __init__(
        self, channels: int, num_heads: int, mlp_ratio: int, drop_path: float, layer_scale: float, semantic_ffn: bool
    ) -> None:
        super().__init__()
        self.norm1 = block_norm(channels)
        self.attn = TokenAttention(channels, num_heads)
        self.layer_scale_1 = LayerScale(channels, scale=layer_scale)
        self.norm2 = block_norm(channels)
        self.mlp = ConvFFN(channels, mlp_ratio * channels)
        self.semantic_mlp: nn.Module | None = build_semantic_mlp(channels) if semantic_ffn else None
        self.layer_scale_2 = LayerScale(channels, scale=layer_scale)
        self.drop_path = DropPath(drop_path)

    def fuse(self) -> None:
        """Fold the layer scales into the linear layers before them."""
        _fold_layer_scale(self, 'layer_scale_1', self.attn.proj)
        semantic = () if self.semantic_mlp is None else (cast(nn.Sequential, self.semantic_mlp)[-1],)
        _fold_layer_scale(self, 'layer_scale_2', self.mlp.fc2, *semantic)

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        height, width = x.shape[1:3]
        tokens = torch.cat((self.norm1(x).flatten(1, 2), self.norm1(z)), 1)
        tokens = self.drop_path(self.attn(tokens, tokens, self.layer_scale_1))
        pixels = height * width
        x, z = x + tokens[:, :pixels].unflatten(1, (height, width)), z + tokens[:, pixels:]
        x = x + self.drop_path(self.mlp(self.norm2(x), self.layer_scale_2))
        if self.semantic_mlp is not None:
            z = z + self.drop_path(self.layer_scale_2(self.semantic_mlp(self.norm2(z))))
        return x, z


class Stage(nn.Module):
    """An embedding for each pathway (the first stage's are the stem), blocks, and a norm for each pathway.

    Shape:
        x (N, H, W, C_in), z (N, M, C_in) -> x (N, ceil(H / 2), ceil(W / 2), C), z (N, M, C); the first stage keeps H
        and W.
    """

    def __init__(
        self,
        embeds: tuple[nn.Module, nn.Module],
        blocks: Sequence[nn.Module],
        norms: tuple[nn.Module, nn.Module],
        with_cp: bool,
    ) -> None:
        super().__init__()
        self.patch_embed, self.semantic_embed = embeds
        self.blocks = nn.ModuleList(blocks)
        self.norm, self.semantic_norm = norms
        self.with_cp = with_cp

    def tokens(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        """Both pathways before the norms."""
        x, z = run_blocks(self.blocks, self.patch_embed(x), self.semantic_embed(z), with_cp=self.with_cp)
        return x, z

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        x, z = self.tokens(x, z)
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
    """Dual-ViT S, B and L, which load the authors' classification and detection checkpoints as released.

    Each feature map is the output of its stage's layer norm, which is also the input of the next stage.

    Args:
        arch: `small`, `base` or `large`, `s`, `b` or `l` for short; or a dict with the keys ``stem_width`` (a number)
            and ``embed_dims``, ``depths``, ``num_heads`` and ``mlp_ratios`` (one entry per stage).
        semantic_grid: Rows and columns of the semantic tokens. None follows the authors' code: one token for every
            28x28 pixels of the image, so that their number grows with it. ``(8, 8)`` pools any map to the 64 tokens of
            a 224x224 image, so that the cost of dual blocks is linear in the number of pixels.
        layer_scale: Initial scale of each branch of a block. At the authors' 1e-6 the blocks of a network without
            pre-training take long to have an effect; use 0.1 to 1 for training from scratch.
        in_channels: See :class:`PyramidBackbone`, as for all following arguments, shapes and attributes.
        out_indices: See :class:`PyramidBackbone`.
        frozen_stages: See :class:`PyramidBackbone`.
        norm_eval: See :class:`PyramidBackbone`.
        drop_path_rate: See :class:`PyramidBackbone`.
        norm_cfg: See :class:`PyramidBackbone`.
        with_cp: See :class:`PyramidBackbone`.
        init_cfg: See :class:`PyramidBackbone`.

    Raises:
        ValueError: `semantic_grid` is not a pair of positive numbers, channels are not a multiple of the heads, or
            whatever :class:`PyramidBackbone` refuses.
    """

    arch_zoo = {
        **dict.fromkeys(('small', 's'), _arch(32, (64, 128, 320, 448), (3, 4, 6, 3), (2, 4, 10, 14))),
        **dict.fromkeys(('base', 'b'), _arch(64, (64, 128, 320, 512), (3, 4, 15, 3), (2, 4, 10, 16))),
        **dict.fromkeys(('large', 'l'), _arch(64, (96, 192, 384, 512), (3, 6, 21, 3), (3, 6, 12, 16))),
    }

    stem: Stem
    rename_key = staticmethod(rename_dualvit_key)

    def __init__(
        self,
        arch: str | dict = 'small',
        semantic_grid: Sequence[int] | None = None,
        layer_scale: float = 1e-6,
        in_channels: int = 3,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        drop_path_rate: float = 0.0,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            arch, in_channels, out_indices, frozen_stages, norm_eval, drop_path_rate, norm_cfg, with_cp, init_cfg
        )
        dims = self.arch['embed_dims']
        if any(dim % num_heads for dim, num_heads in zip(dims, self.arch['num_heads'], strict=True)):
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
        rows, columns = grid
        return rows, columns

    def _stage(self, i: int, is_last: bool) -> Stage:
        dims, depths, num_heads, ratios = (
            self.arch[key] for key in ('embed_dims', 'depths', 'num_heads', 'mlp_ratios')
        )
        blocks: list[nn.Module] = []
        for j, drop_path in enumerate(self.drop_path_rates(depths, i)):
            ratio = ratios[i] - 1 if i == 2 and j % 2 else ratios[i]  # as in the released weights
            args = (dims[i], num_heads[i], ratio, drop_path, self.layer_scale)
            is_last_block = is_last and j == depths[i] - 1
            blocks.append(DualBlock(*args) if i < 2 else MergeBlock(*args, semantic_ffn=not is_last_block))
        embeds: tuple[nn.Module, nn.Module] = nn.Identity(), nn.Identity()
        if i:
            semantic_embed = nn.Sequential(nn.Linear(dims[i - 1], dims[i]), nn.LayerNorm(dims[i]))
            embeds = PatchEmbed(dims[i - 1], dims[i]), semantic_embed
        norms = block_norm(dims[i]), nn.Identity() if is_last else block_norm(dims[i])
        return Stage(embeds, blocks, norms, self.with_cp)

    @property
    def _last_stage(self) -> Stage:
        return cast(Stage, self.stages[-1])

    def is_ignored_key(self, key: str) -> bool:
        """Whether `key` (ours) belongs to a stage, or to a part of the last one, that is not built."""
        last = self.num_stages - 1
        unread = [f'stages.{last}.semantic_norm.']
        if getattr(self._last_stage.blocks[-1], 'semantic_mlp', None) is None:
            unread.append(f'stages.{last}.blocks.{len(self._last_stage.blocks) - 1}.semantic_mlp.')
        return key.startswith(tuple(unread)) or super().is_ignored_key(key)

    def feature_map(self, x: Tensor, *others: Tensor) -> Tensor:
        """The (N, C, H, W) feature map in the state after a stage, channels-last in memory."""
        return x.permute(0, 3, 1, 2)

    def build_classifier(self, num_classes: int) -> ClassAttentionHead:
        """Build the authors' classification head, and the parts of this network that only the head reads.

        These are the FFN of the last block's semantic tokens and the queries of the semantic stem, which are then
        resized as the authors' classification code does: see :attr:`SemanticStem.keep_full_grid`.

        Raises:
            ValueError: The network was built without its last stage.
        """
        if self.num_stages < 4:
            raise ValueError(
                f'the classifier of {type(self).__name__} reads stage 3, which out_indices={self.out_indices} leave out'
            )
        self.stem.semantics.keep_full_grid = True
        channels, num_heads = self.arch['embed_dims'][-1], self.arch['num_heads'][-1]
        cast(MergeBlock, self._last_stage.blocks[-1]).semantic_mlp = build_semantic_mlp(channels)
        return ClassAttentionHead(channels, num_heads, num_classes)

    def classifier_inputs(self, x: Tensor) -> tuple[Tensor, Tensor, nn.Module]:
        """Pixels (N, HW / 1024, C) and semantic tokens (N, M, C) before the last norm, and that norm."""
        last = self._last_stage
        *_, (x, z) = self.run_stages(self.prepare(x), self.stages[:-1])
        x, z = last.tokens(x, z)
        return x.flatten(1, 2), z, last.norm
