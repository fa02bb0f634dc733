"""SASAResNet against the published counts, and against the ResNet that it is derived from."""

import pytest
import torch
from mmdet.models import ResNet

from mmbackbones.analysis.counting import multiply_adds
from mmbackbones.backbones import SASAResNet
from mmbackbones.backbones.sasa import attention_stem, conv_stem
from mmbackbones.layers import LocalAttention2d
from tests.helpers.small_backbones import build_small


def count(size=224, **kwargs) -> tuple[float, float]:
    """Parameters in millions and operations in billions, including a classifier of 1000 classes."""
    with torch.device('meta'):
        model = SASAResNet(**kwargs).eval()
    products = multiply_adds(model, (1, 3, size, size)) + 1000 * 2048
    return (sum(param.numel() for param in model.parameters()) + 1000 * 2049) / 1e6, 2 * products / 1e9


@pytest.mark.parametrize(
    ('depth', 'baseline', 'attention', 'full'),
    [
        (26, (13.7, 4.7), (10.3, 4.5), (10.3, 4.7)),
        (38, (19.6, 6.5), (14.1, 5.7), (14.1, 6.0)),
        (50, (25.6, 8.2), (18.0, 7.0), (18.0, 7.2)),
    ],
)
def test_table_1(depth, baseline, attention, full):
    for published, kwargs in ((baseline, dict(attention_stages=())), (attention, {}), (full, dict(stem='attention'))):
        params, flops = count(depth=depth, **kwargs)
        assert params == pytest.approx(published[0], rel=0.01)
        # The number of mixtures in the attention stem is not published; only operations depend much on it.
        assert flops == pytest.approx(published[1], rel=0.03 if published is full else 0.012)


@pytest.mark.parametrize(
    ('attention_stages', 'params', 'flops'),
    [
        ((1, 2, 3), 18.1, 7.3),
        ((2, 3), 18.5, 7.5),
        ((3,), 20.8, 8.0),
        ((0,), 25.5, 7.9),
        ((0, 1), 25.0, 7.8),
        ((0, 1, 2), 22.7, 7.2),
    ],
)
def test_table_3(attention_stages, params, flops):
    counted = count(attention_stages=attention_stages)
    assert counted == (pytest.approx(params, rel=0.01), pytest.approx(flops, rel=0.012))


@pytest.mark.parametrize(('kernel_size', 'flops'), [(3, 6.6), (5, 6.7), (9, 7.3), (11, 7.7)])
def test_table_4(kernel_size, flops):
    counted = count(kernel_size=kernel_size)
    assert counted == (pytest.approx(18.0, rel=0.01), pytest.approx(flops, rel=0.015))


def test_without_attention_it_is_resnet_50():
    torch.manual_seed(0)
    ours, theirs = SASAResNet(50, attention_stages=()).eval(), ResNet(50)
    theirs.eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    x = torch.randn(1, 3, 33, 50)
    with torch.no_grad():
        for out, expected in zip(ours(x), theirs(x), strict=True):
            torch.testing.assert_close(out, expected)


def test_attention_stages_attend():
    model = SASAResNet(26, attention_stages=(2,), kernel_size=5, heads=4)
    layers = [(i, block.spatial.conv) for i, stage in enumerate(model.stages) for block in stage]
    assert {i for i, layer in layers if isinstance(layer, LocalAttention2d)} == {2}
    assert {(layer.kernel_size, layer.heads) for i, layer in layers if i == 2} == {((5, 5), 4)}
    assert {layer.kernel_size for i, layer in layers if i != 2} == {(3, 3)}


@pytest.mark.parametrize('stem_cfg', [None, dict(window='sliding', kernel_size=3, mixtures=2)])
@pytest.mark.parametrize(('height', 'width'), [(32, 32), (33, 50), (67, 35)])
def test_attention_stem_at_any_size(stem_cfg, height, width):
    model = build_small('SASAResNet', stem='attention', stem_cfg=stem_cfg)
    outs = model(torch.randn(2, 3, height, width))
    for out, stride in zip(outs, model.strides, strict=True):
        assert out.shape[2:] == (-(-height // stride), -(-width // stride))
    sum(out.square().mean() for out in outs).backward()
    assert all(param.grad.isfinite().all() for param in model.parameters())


def test_conv_stem():
    stem = conv_stem(3, 8, dict(type='BN')).eval()
    conv, pool = stem
    x = torch.randn(2, 3, 33, 50)
    y = stem(x)
    assert y.shape == (2, 8, 9, 13)
    torch.testing.assert_close(y, pool(conv.norm(conv.conv(x)).relu()))


def test_attention_stem_pools_the_pixels_that_are_there():
    """The last block of 33 rows has one row: the network without its other rows gives the same."""
    torch.manual_seed(0)
    stem = attention_stem(3, 8, dict(type='BN'), heads=2).eval()
    x = torch.randn(1, 3, 33, 48)
    torch.testing.assert_close(stem(x)[:, :, 8:], stem(x[:, :, 32:]))


def test_attention_stem_can_be_frozen():
    model = build_small('SASAResNet', stem='attention', frozen_stages=0).train()
    assert {name.split('.')[0] for name, param in model.named_parameters() if not param.requires_grad} == {'stem'}
    assert not any(module.training for module in model.stem.modules())


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(depth=34), 'no depth 34; choose one of 26, 38, 50'),
        (dict(attention_stages=(3, 4)), r'attention_stages must be stage numbers from 0 to 3, got \(3, 4\)'),
        (dict(attention_stages=3), 'attention_stages must be stage numbers from 0 to 3, got 3'),
        (dict(stem='patch'), "stem must be 'conv' .* or 'attention', got 'patch'"),
        (dict(stem_cfg=dict(mixtures=2)), "got 'conv' and {'mixtures': 2}"),
        (dict(heads=24), 'out_channels of local attention must be .* got 64 and 24 heads'),
    ],
)
def test_wrong_options(kwargs, message):
    with pytest.raises(ValueError, match=message):
        SASAResNet(**kwargs)
