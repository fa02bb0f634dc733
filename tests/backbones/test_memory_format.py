"""Feature maps are contiguous: heads may call `view`, and compiled operators read memory as N, C, H, W."""

import copy

import pytest
import torch
from mmcv.ops import RoIAlign
from mmdet.models import FPN, ResNet
from mmseg.models.decode_heads import DMHead

from mmbackbones.layers import (
    CascadedSelfAttention2d,
    HierarchicalSelfAttention2d,
    LargeKernelAttention,
    LocalAttention2d,
    MultiHeadSelfAttention2d,
)
from mmbackbones.ops.local_attention import FASTEST
from tests.helpers.raw_memory import roi_align_that_reads_raw_memory
from tests.helpers.small_backbones import build_small, registered

LAYERS = [
    LargeKernelAttention(8),
    MultiHeadSelfAttention2d(8, 4),
    HierarchicalSelfAttention2d(8, 4, 3, 2),
    CascadedSelfAttention2d(8, 4, (2, 3)),
]


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('training', [False, True])
def test_maps_are_contiguous(build, memory_format, training):
    model = build().train(training)
    outs = model(torch.randn(2, 3, 64, 96).contiguous(memory_format=memory_format))
    assert [out.is_contiguous() for out in outs] == [True] * 4


def test_a_head_that_views(build):
    """DMHead turns the map into filters with `view`."""
    model = build(out_indices=(3,))
    head = DMHead(in_channels=model.out_channels[0], channels=4, num_classes=3, in_index=0, norm_cfg=dict(type='BN'))
    scores = head(model(torch.randn(2, 3, 64, 96)))
    scores.mean().backward()
    assert scores.shape == (2, 3, 2, 3)


@pytest.mark.parametrize('form', ['reference', 'tiled', 'blocked'])
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_local_attention_keeps_the_memory_format(form, stride, memory_format, monkeypatch):
    monkeypatch.setitem(FASTEST, 'cpu', form)
    layer = LocalAttention2d(4, 8, kernel_size=3, heads=2, stride=stride, bias=True)
    x = torch.randn(2, 4, 16, 24).contiguous(memory_format=memory_format).requires_grad_()
    y = layer(x)
    assert y.is_contiguous(memory_format=memory_format)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    assert gradient.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize('layer', LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_a_layer_keeps_the_memory_format_of_its_network(layer, memory_format):
    x = torch.randn(2, 8, 13, 18).contiguous(memory_format=memory_format)
    assert layer(x).is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize(
    'layer',
    [*LAYERS, LocalAttention2d(8, 8, 3, 2), LocalAttention2d(8, 8, 3, 2, stride=2)],
    ids=lambda layer: type(layer).__name__,
)
def test_no_regions_make_an_empty_map(layer):
    """With gradients, as for a convolution: a mask head may get images without regions."""
    x = torch.randn(0, 8, 14, 14, requires_grad=True)
    y = layer.eval()(x)
    y.sum().backward()
    assert y.shape == (0, 8, 14 // getattr(layer, 'stride', (1,))[0], 14 // getattr(layer, 'stride', (1,))[0])
    assert x.grad.shape == x.shape


def test_a_plugged_in_layer_leaves_resnets_maps_contiguous():
    plugin = dict(
        cfg=dict(type='HierarchicalSelfAttention2d', head_dim=4, grid_size=3, pool_ratio=2),
        position='after_conv2',
        stages=(True, True, False, False),
    )
    model = ResNet(50, base_channels=4, plugins=[copy.deepcopy(plugin)])
    assert all(out.is_contiguous() for out in model(torch.randn(2, 3, 64, 64)))


@pytest.mark.parametrize('name', registered())
@pytest.mark.parametrize('attending', [False, True], ids=['', 'attention in the pyramid'])
def test_pooling_of_regions_reads_what_it_should(name, attending):
    backbone = build_small(name)
    conv_cfg = dict(type='LocalAttention2d', kernel_size=3, heads=2) if attending else None
    neck = FPN(list(backbone.out_channels), 16, num_outs=5, conv_cfg=conv_cfg)
    maps = neck(backbone(torch.randn(2, 3, 70, 101)))
    assert all(x.is_contiguous() for x in maps)
    pool = RoIAlign(7, spatial_scale=0.25, sampling_ratio=0)
    with roi_align_that_reads_raw_memory() as calls:
        pool(maps[0], torch.tensor([[0, 3.0, 4, 60, 50], [1, 10, 10, 30, 66]])).sum().backward()
    assert calls == ['roi_align_forward', 'roi_align_backward']
