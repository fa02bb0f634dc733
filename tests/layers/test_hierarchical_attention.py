"""Hierarchical attention against slow reference implementations, at any size, and inside MMDetection's ResNet."""

import pytest
import torch
from mmdet.models import ResNet
from mmengine.registry import MODELS
from torch import nn

from mmbackbones.layers import CascadedSelfAttention2d, HierarchicalSelfAttention2d, MultiHeadSelfAttention2d
from mmbackbones.layers import grid_attention as grid_attention_module
from mmbackbones.layers.grid_attention import crop, grid_attention, map_attention


def softmax_attention(q, k, v, head_dim):
    """Full attention by its formula, (N, C, H, W)."""
    n, c, h, w = q.shape
    q, k, v = (x.flatten(2).reshape(n, c // head_dim, head_dim, -1) for x in (q, k, v))
    weights = torch.einsum('nhdi,nhdj->nhij', q, k).div(head_dim**0.5).softmax(-1)
    return torch.einsum('nhij,nhdj->nhdi', weights, v).reshape(n, c, h, w)


def cells(h, w, g):
    return [(slice(y, min(y + g, h)), slice(x, min(x + g, w))) for y in range(0, h, g) for x in range(0, w, g)]


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_map_attention():
    q, k, v = random(2, 6, 3, 5), random(2, 6, 2, 4, seed=1), random(2, 6, 2, 4, seed=2)
    torch.testing.assert_close(map_attention(q, k, v, 3), softmax_attention(q, k, v, 3))


@pytest.mark.parametrize(('h', 'w', 'g'), [(8, 8, 4), (9, 13, 4), (3, 2, 7), (1, 1, 2), (7, 14, 7), (5, 5, 1)])
def test_a_pixel_sees_its_own_cell_and_no_padding(h, w, g):
    qkv, residual = random(2, 18, h, w), random(2, 6, h, w, seed=1)
    out = grid_attention(qkv, nn.Identity(), 3, g, residual)
    for rows, columns in cells(h, w, g):
        q, k, v = qkv[..., rows, columns].chunk(3, 1)
        expected = residual[..., rows, columns] + softmax_attention(q, k, v, 3)
        torch.testing.assert_close(out[..., rows, columns], expected)


@pytest.mark.parametrize('exporting', [False, True])
def test_crop_keeps_the_upper_left_corner(exporting, monkeypatch):
    monkeypatch.setattr(grid_attention_module, 'is_exporting', lambda: exporting)
    x = random(2, 3, 5, 7)
    assert torch.equal(crop(x, 4, 6), x[:, :, :4, :6])


def test_a_grid_as_large_as_the_map_is_full_attention():
    qkv, expected = random(1, 12, 5, 9), map_attention(*random(1, 12, 5, 9).chunk(3, 1), 4)
    for grid_size in (9, 20):
        torch.testing.assert_close(
            grid_attention(qkv, nn.Identity(), 4, grid_size, torch.zeros_like(expected)), expected
        )


@pytest.mark.parametrize('size', [(16, 8), (13, 10), (3, 2)])
def test_two_steps_as_released(size):
    """Step by step, with pooling windows cut off at the border."""
    torch.manual_seed(0)
    layer = HierarchicalSelfAttention2d(8, head_dim=4, grid_size=4, pool_ratio=4).double().eval()
    x = random(1, 8, *size)
    grid = torch.empty_like(x)
    pooled = []
    qkv = layer.qkv(layer.norm(x))
    for rows, columns in cells(*size, 4):
        grid[..., rows, columns] = softmax_attention(*qkv[..., rows, columns].chunk(3, 1), 4)
    grid = layer.grid_norm(x + grid)
    pooled = torch.stack([grid[..., rows, columns].mean((2, 3)) for rows, columns in cells(*size, 4)], -1)
    keys, values = layer.kv(layer.pool_norm(pooled[:, :, None])).chunk(2, 1)
    expected = layer.proj(grid + softmax_attention(layer.q(grid), keys, values, 4))
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize('size', [(24, 12), (13, 10), (2, 3)])
def test_cascade(size):
    """Step by step: grids of 4, then grids of 2 cells, then the whole map."""
    torch.manual_seed(0)
    layer = CascadedSelfAttention2d(8, head_dim=4, grid_sizes=(4, 2)).double().eval()
    x = random(1, 8, *size)
    total, tokens, stride = 0, x, 1
    for i, g in enumerate((4, 2, 1000)):
        qkv = layer.qkvs[i](layer.norms[i](tokens))
        step = tokens.clone()
        inside = cells(*tokens.shape[2:], g)
        for rows, columns in inside:
            step[..., rows, columns] += softmax_attention(*qkv[..., rows, columns].chunk(3, 1), 4)
        repeated = step.repeat_interleave(stride, 2).repeat_interleave(stride, 3)
        total = total + repeated[..., : size[0], : size[1]]
        merged = [
            step[..., rows, columns].amax((2, 3)) + step[..., rows, columns].mean((2, 3)) for rows, columns in inside
        ]
        tokens = torch.stack(merged, -1).unflatten(-1, (-(-tokens.shape[2] // g), -1))
        stride *= g
    torch.testing.assert_close(layer(x), layer.proj(total))


def test_a_cascade_of_one_step_is_full_attention_with_a_residual_connection():
    torch.manual_seed(0)
    cascade, full = (
        CascadedSelfAttention2d(8, head_dim=4, grid_sizes=()).double().eval(),
        MultiHeadSelfAttention2d(8, head_dim=4).double().eval(),
    )
    full.qkv = cascade.qkvs[0]
    full.proj = nn.Conv2d(8, 8, 1, bias=False).double()
    full.proj.weight.data = torch.eye(8).double()[:, :, None, None]
    x = random(2, 8, 5, 7)
    torch.testing.assert_close(cascade(x), cascade.proj(x + full(x)))


@pytest.mark.parametrize(
    'layer',
    [
        MultiHeadSelfAttention2d(8, head_dim=4),
        HierarchicalSelfAttention2d(8, head_dim=4, grid_size=3, pool_ratio=4),
        CascadedSelfAttention2d(8, 4, grid_sizes=(3, 2)),
    ],
)
def test_every_pixel_reaches_every_other(layer):
    layer = layer.double().eval()
    x = random(1, 8, 19, 23)
    bumped = x.clone()
    bumped[..., 0, 0] += 1
    assert ((layer(bumped) - layer(x)).abs().amax(1) > 0).all()


@pytest.mark.parametrize('name', ['MultiHeadSelfAttention2d', 'HierarchicalSelfAttention2d', 'CascadedSelfAttention2d'])
def test_channels_that_are_not_a_multiple_of_head_dim_are_refused(name):
    with pytest.raises(ValueError, match=f'^{name}: in_channels must be a multiple of head_dim, got 10 and 4'):
        MODELS.build(dict(type=name, in_channels=10, head_dim=4))


@pytest.mark.parametrize(
    'cfg',
    [dict(type='HierarchicalSelfAttention2d', pool_ratio=0), dict(type='CascadedSelfAttention2d', grid_sizes=(4, -1))],
)
def test_impossible_grids_are_refused(cfg):
    with pytest.raises(ValueError, match='must be at least one pixel wide, got'):
        MODELS.build(dict(cfg, in_channels=8, head_dim=4))


@pytest.mark.parametrize(
    'cfg',
    [
        dict(type='HierarchicalSelfAttention2d', head_dim=32, grid_size=8, pool_ratio=4),
        dict(type='CascadedSelfAttention2d', head_dim=32, grid_sizes=(8, 4), norm_cfg=dict(type='GN', num_groups=1)),
    ],
)
def test_plugs_into_mmdetections_resnet(cfg):
    """As docs/hierarchical_attention.md shows it."""
    plugin = dict(cfg=cfg, stages=(False, False, True, False), position='after_conv2')
    model = ResNet(depth=50, plugins=[plugin])
    assert (
        sum(isinstance(module, HierarchicalSelfAttention2d | CascadedSelfAttention2d) for module in model.modules())
        == 6
    )
    outs = model(torch.randn(2, 3, 65, 97))
    assert [out.shape[-2:] for out in outs] == [(17, 25), (9, 13), (5, 7), (3, 4)]
    outs[-1].sum().backward()
    plugged = [
        param
        for module in model.modules()
        if isinstance(module, HierarchicalSelfAttention2d | CascadedSelfAttention2d)
        for param in module.parameters()
    ]
    assert all(param.grad is not None and param.grad.abs().sum() > 0 for param in plugged)
