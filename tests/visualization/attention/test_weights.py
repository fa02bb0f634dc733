"""The weights of each layer add up to 1, and give what the layer itself gives, for every place and odd sizes."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmbackbones.backbones.dualvit import DualBlock, MergeBlock
from mmbackbones.layers import (
    CascadedSelfAttention2d,
    HierarchicalSelfAttention2d,
    LargeKernelAttention,
    LocalAttention2d,
    MultiHeadSelfAttention2d,
    SpatiallyAwareAttention,
)
from mmbackbones.visualization.attention.look import LOOKS
from mmbackbones.visualization.attention.weights import Place
from tests.helpers.small_backbones import build_small

NETWORKS = {
    'VAN': {},
    'TransCNN': {},
    'HATNet': {},
    'SASAResNet': dict(stem='attention'),
    'SASAResNet, sliding': dict(stem='attention', stem_cfg=dict(window='sliding', kernel_size=3, border='zeros')),
    'DualViT': {},
    'DualViT, fixed grid': dict(semantic_grid=(3, 2)),
}
SIZES = [(41, 54), (33, 32)]


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


def draw(*shape):
    return torch.randn(shape, dtype=torch.float64)


class Calls:
    """Every layer that is shown in a network, with its stage, what it was called with, and what it returned."""

    def __init__(self, name, size):
        torch.manual_seed(0)
        self.network = build_small(name.partition(',')[0], **NETWORKS[name]).double().eval()
        with torch.no_grad():  # no two norms alike, and no weight that is as it was drawn
            for parameter in self.network.parameters():
                parameter += 0.1 * draw(*parameter.shape)
        self.size = size
        self.calls = []
        for stage, part in enumerate([self.network.stem, *self.network.stages]):
            for layer in part.modules():
                if type(layer) in LOOKS:
                    layer.register_forward_hook(
                        lambda layer, args, out, stage=stage: self.calls.append((layer, stage, args, out))
                    )
        with torch.no_grad():
            self.network(draw(1, 3, *size))

    def look(self, layer, stage, args, row, column):
        """What is shown of a layer, by kind; all of it checked to add up to 1."""
        found = LOOKS[type(layer)](layer, Place(self.network, self.size, stage, row, column), *args)
        for values in found:
            if values.kind != 'gate':
                total = values.values.sum((1, 2))
                close(total if values.elsewhere is None else total + values.elsewhere, torch.ones_like(total))
                assert values.values.min() >= 0
        return {values.kind: values for values in found}


@pytest.mark.parametrize('size', SIZES, ids=str)
@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_the_layer_is_recomputed_from_its_weights(name, size):
    calls = Calls(name, size)
    assert {stage for _, stage, _, _ in calls.calls} >= {1, 2, 3, 4}
    for call in calls.calls:
        RECOMPUTED[type(call[0])](calls, *call)


def by_head(values, heads):
    """(C, ...) -> (heads, d, ...)."""
    return values.unflatten(0, (heads, -1))


def places(x):
    return product(range(x.shape[2]), range(x.shape[3]))


def recompute_gate(calls, layer, stage, args, out):
    gate = calls.look(layer, stage, args, 0, 0)['gate'].values
    close(gate * args[0][0], out[0])


def attended(weights, values):
    """(heads, h, w) and (C, h, w) -> (C,)."""
    return torch.einsum('nhw,ndhw->nd', weights, by_head(values, len(weights))).flatten()


def recompute_full(calls, layer, stage, args, out):
    values = layer.qkv(layer.norm(args[0]))[0].chunk(3)[2]
    result = torch.empty_like(out)
    for row, column in places(out):
        result[0, :, row, column] = attended(calls.look(layer, stage, args, row, column)['global'].values, values)
    close(args[0] + layer.proj(result), out)  # a block hands in the residual connection


def cell_values(values, found, side):
    """The values that weights in a grid cell belong to."""
    top, left = round(found.top / side), round(found.left / side)
    return values[:, top : top + found.values.shape[1], left : left + found.values.shape[2]]


def recompute_two_steps(calls, layer, stage, args, out):
    x = args[0]
    found = {(row, column): calls.look(layer, stage, args, row, column) for row, column in places(x)}
    values = layer.qkv(layer.norm(x))[0].chunk(3)[2]
    local, distant = torch.empty_like(x), torch.empty_like(x)
    for (row, column), kinds in found.items():
        side = kinds['grid'].cell[0]
        local[0, :, row, column] = attended(kinds['grid'].values, cell_values(values, kinds['grid'], side))
    grid = layer.grid_norm(x + local)
    pooled = F.avg_pool2d(grid, layer.pool_ratio, ceil_mode=True, count_include_pad=False)
    values = layer.kv(layer.pool_norm(pooled))[0].chunk(2)[1]
    for (row, column), kinds in found.items():
        distant[0, :, row, column] = attended(kinds['global'].values, values)
    close(x + layer.proj(grid + distant), out)


def recompute_cascade(calls, layer, stage, args, out):
    x = whole = args[0]
    found = {(row, column): calls.look(layer, stage, args, row, column) for row, column in places(x)}
    total, tokens = torch.zeros_like(x), 1
    kinds = ['grid', 'grid-2', 'grid-3'][: len(layer.grid_sizes)]
    for kind, norm, qkv, size in zip([*kinds, 'global'], layer.norms, layer.qkvs, [*layer.grid_sizes, 0], strict=True):
        values = qkv(norm(x))[0].chunk(3)[2]
        step = torch.empty_like(x)
        for row, column in places(x):
            weights = found[row * tokens, column * tokens][kind]
            inside = cell_values(values, weights, weights.cell[0]) if size else values
            step[0, :, row, column] = attended(weights.values, inside)
        x = x + step
        for row, column in places(whole):
            total[0, :, row, column] += x[0, :, row // tokens, column // tokens]
        if size:
            x = sum(
                pool(x, size, ceil_mode=True, **options)
                for pool, options in ((F.avg_pool2d, dict(count_include_pad=False)), (F.max_pool2d, {}))
            )
            tokens *= size
    close(whole + layer.proj(total), out)


def recompute_window(calls, layer, stage, args, out):
    x = args[0]
    values, stride = layer.value(x)[0], layer.stride[0]
    half, side = layer.kernel_size[0] // 2, Place(calls.network, calls.size, stage, 0, 0).stride / stride
    values = F.pad(values, (half, half + stride, half, half + stride))
    for row, column in places(out):
        found = calls.look(layer, stage, args, row, column)['window']
        assert (found.top, found.left) == ((row * stride - half) * side, (column * stride - half) * side)
        around = values[:, row * stride :, column * stride :]
        around = around[:, : found.values.shape[1], : found.values.shape[2]]
        close(attended(found.values, around), out[0, :, row, column])


def recompute_stem(calls, layer, stage, args, out):
    image, size = args[0], layer.kernel_size
    padded = F.pad(image[0], (size,) * 4)
    values = torch.einsum('mst,mdc->dcst', layer.mixture(), layer.value)
    for row, column in [(0, 0), (5, 7), (image.shape[2] - 1, image.shape[3] - 1), (image.shape[2] - 2, 1)]:
        found = calls.look(layer, stage, args, row, column)['window']
        assert found.values.shape[1:] == (size, size)
        top, left = round(found.top) + size, round(found.left) + size
        around = torch.einsum('dcst,cst->dst', values, padded[:, top : top + size, left : left + size])
        close(attended(found.values, around), out[0, :, row, column])


def recompute_dual(calls, block, stage, args, out):
    x, z = args
    height, width = x.shape[1:3]
    pixels, semantic = block.norm1(x).flatten(1, 2), block.semantic
    q, k, v = (by_head(part[0].T, semantic.num_heads) for part in semantic.qkv(semantic.norm1(z)).chunk(3, -1))
    among = (torch.einsum('ndm,nds->nms', q, k) / q.shape[1] ** 0.5).softmax(-1)
    own = torch.einsum('nms,nds->mnd', among, v).flatten(1)[None]
    z = z + semantic.layer_scale_1(own)
    values = semantic.kv(pixels)[0].chunk(2, -1)[1].T.unflatten(1, (height, width))
    context = block.semantic_norm(out[1])
    token_values = block.attn.kv(context)[0].chunk(2, -1)[1].T
    attended_pixels = torch.empty_like(pixels)
    for number, (row, column) in enumerate(product(range(height), range(width))):
        found = calls.look(block, stage, args, row, column)
        on_tokens = found['pixel-to-semantic'].values
        attended_pixels[0, number] = attended(on_tokens, token_values.unflatten(1, on_tokens.shape[1:]))
        strongest = int(on_tokens.mean(0).argmax())
        read = z[:, strongest] + semantic.layer_scale_2(attended(found['semantic-to-pixel'].values, values))
        close(read + semantic.layer_scale_3(semantic.mlp(semantic.norm3(read))), out[1][:, strongest])
    x = x + block.layer_scale_1(block.attn.proj(attended_pixels).view_as(x))
    close(x + block.layer_scale_2(block.mlp(block.norm2(x))), out[0])


def recompute_merge(calls, block, stage, args, out):
    x, z = args
    height, width = x.shape[1:3]
    tokens = torch.cat((block.norm1(x).flatten(1, 2), block.norm1(z)), 1)
    values = block.attn.kv(tokens)[0].chunk(2, -1)[1].T
    result = block.attn(tokens, tokens)[0]
    for number, (row, column) in enumerate(product(range(height), range(width))):
        found = calls.look(block, stage, args, row, column)
        weights = torch.cat([found[kind].values.flatten(1) for kind in ('pixel-to-pixel', 'pixel-to-semantic')], 1)
        close(weights.sum(1), torch.ones_like(weights[:, 0]))
        close(block.attn.proj(attended(weights[:, None], values[:, None])), result[number])


RECOMPUTED: dict[type[nn.Module], object] = {
    CascadedSelfAttention2d: recompute_cascade,
    DualBlock: recompute_dual,
    HierarchicalSelfAttention2d: recompute_two_steps,
    LargeKernelAttention: recompute_gate,
    LocalAttention2d: recompute_window,
    MergeBlock: recompute_merge,
    MultiHeadSelfAttention2d: recompute_full,
    SpatiallyAwareAttention: recompute_stem,
}


def test_every_kind_of_layer_is_recomputed():
    assert set(RECOMPUTED) == set(LOOKS)


@pytest.mark.parametrize('border', ['zeros', 'mask'])
@pytest.mark.parametrize('window', ['block', 'sliding'])
@torch.no_grad()
def test_borders_of_the_stem(window, border):
    calls = Calls('SASAResNet', (33, 35))
    torch.manual_seed(0)
    stem = SpatiallyAwareAttention(3, 8, kernel_size=5, window=window, border=border, heads=2).double()
    image = draw(1, 3, 33, 35)
    recompute_stem(calls, stem, 0, (image,), stem(image))


@pytest.mark.parametrize('stride', [1, 2])
@torch.no_grad()
def test_masked_borders_of_local_attention(stride):
    calls = Calls('SASAResNet', (33, 35))
    torch.manual_seed(0)
    layer = LocalAttention2d(4, 8, kernel_size=5, heads=2, stride=stride, border='mask').double()
    x = draw(1, 4, 7, 6)
    recompute_window(calls, layer, 2, (x,), layer(x))
    corner = calls.look(layer, 2, (x,), 0, 0)['window'].values
    assert not corner[:, :2].any()
    assert not corner[:, :, :2].any()


@torch.no_grad()
def test_combined_weights_are_spread_over_the_pixels():
    """A map of 5 x 3 pixels, a grid of cells of 2, windows of 4: by hand, with equal weights everywhere."""
    layer = HierarchicalSelfAttention2d(4, head_dim=2, grid_size=2, pool_ratio=4).eval()
    for projection in (layer.qkv, layer.q):
        nn.init.zeros_(projection.weight)
        nn.init.zeros_(projection.bias)
    found = LOOKS[type(layer)](layer, Place(None, (20, 12), 1, 4, 2), torch.randn(1, 4, 5, 3))
    combined = {values.kind: values for values in found}['combined'].values
    # Its own cell has a single pixel; half of the global weight is on the last row, half on the four rows above.
    expected = torch.full((1, 5, 3), 0.25 / 12)
    expected[:, 4] = 0.25 / 3
    expected[:, 4, 2] += 0.5
    torch.testing.assert_close(combined, expected)


@torch.no_grad()
def test_weights_through_all_semantic_tokens():
    calls = Calls('DualViT', (41, 54))
    for block, stage, args, _ in calls.calls:
        if isinstance(block, DualBlock) and block.semantic.num_heads == 1:
            found = calls.look(block, stage, args, 2, 3)
            on_tokens = found['pixel-to-semantic'].values.flatten()
            rows = []
            keys, semantic = block.norm1(args[0]).flatten(1, 2), block.semantic
            z = args[1]
            q, k, v = semantic.qkv(semantic.norm1(z)).chunk(3, -1)
            z = z + semantic.layer_scale_1((q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v)
            k = semantic.kv(keys).chunk(2, -1)[0]
            rows = (semantic.q(semantic.norm2(z)) @ k.mT / k.shape[-1] ** 0.5).softmax(-1)[0]
            close(found['via-semantic'].values.flatten(), on_tokens @ rows)
            return
    raise AssertionError('no block with a single head')
