"""Local attention as a layer, in place of the convolutions of other networks, and the attention of the stem."""

from math import exp

import pytest
import torch
from mmcv.cnn import ConvModule
from mmdet.models import FPN, ResNet, RetinaHead
from mmengine.registry import DefaultScope
from torch import nn

from mmbackbones.layers import LocalAttention2d, SpatiallyAwareAttention

CONV_CFG = dict(type='LocalAttention2d', kernel_size=5, heads=2)


@pytest.fixture(autouse=True)
def mmdet_scope():
    """mmdet's heads build their parts in the default scope, which a test of a segmentor may have left at mmseg."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        yield


def attend(logits: dict, values: dict) -> torch.Tensor:
    """The mean of the values, weighted by the softmax of the logits."""
    shares = {place: exp(logit) for place, logit in logits.items()}
    return sum(share * values[place] for place, share in shares.items()) / sum(shares.values())


# LocalAttention2d ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('border', ['zeros', 'mask'])
def test_local_attention_is_equation_3(border):
    torch.manual_seed(0)
    layer = LocalAttention2d(3, 8, kernel_size=3, heads=2, bias=True, border=border).double()
    nn.init.normal_(layer.bias)
    x = torch.randn(1, 3, 3, 4, dtype=torch.float64)
    queries, keys, values = (
        torch.einsum('oc,nchw->ohw', weight[:, :, 0, 0], x) for weight in (layer.query, layer.key, layer.value.weight)
    )
    with torch.no_grad():
        y = layer(x)[0]
        for i, j, head in ((i, j, head) for i in range(3) for j in range(4) for head in range(2)):
            own = slice(4 * head, 4 * head + 4)
            q = queries[own, i, j]
            logits, window = {}, {}
            for a, b in ((a, b) for a in range(i - 1, i + 2) for b in range(j - 1, j + 2)):
                inside = a in range(3) and b in range(4)
                r = torch.cat((layer.rel_row[head, :, a - i + 1], layer.rel_col[head, :, b - j + 1]))
                if inside or border == 'zeros':
                    logits[a, b] = float(q @ (keys[own, a, b] + r if inside else r))
                    window[a, b] = values[own, a, b] if inside else torch.zeros_like(q)
            torch.testing.assert_close(y[own, i, j], attend(logits, window) + layer.bias[own])


def test_stride_2_pools_the_attention():
    torch.manual_seed(0)
    layer, x = LocalAttention2d(4, 8, kernel_size=3, heads=2), torch.randn(2, 4, 5, 6)
    with torch.no_grad():
        whole = layer(x)
        layer.stride = (2, 2)
        pooled = layer(x)
    assert pooled.shape == (2, 8, 3, 3)
    torch.testing.assert_close(pooled[..., 1, 2], whole[..., 2:4, 4:6].mean((2, 3)))
    torch.testing.assert_close(pooled[..., 2, 2], whole[..., 4, 4:6].mean(2))  # a window cut off by the edge


@pytest.mark.parametrize('heads', [1, 8])
def test_logits_start_with_variance_2(heads):
    """One for the content and one for the position, whatever the width of a head."""
    torch.manual_seed(0)
    layer, x = LocalAttention2d(64, 64, heads=heads), torch.randn(64, 500)
    with torch.no_grad():
        q, k = ((weight.flatten(1) @ x).unflatten(0, (heads, -1)) for weight in (layer.query, layer.key))
        content = torch.einsum('hdn,hdm->hnm', q, k).var()
        position = torch.einsum('hdn,hdk->hnk', q[:, ::2], layer.rel_row).var()
    assert content == pytest.approx(1, rel=0.3)
    assert position == pytest.approx(0.5, rel=0.4)


@pytest.mark.parametrize('kwargs', [dict(out_channels=12, heads=4), dict(out_channels=16, heads=2, stride=3)])
def test_local_attention_refuses(kwargs):
    with pytest.raises(ValueError, match='local attention .* got'):
        LocalAttention2d(8, **kwargs)


def test_local_attention_shows_its_options():
    layer = LocalAttention2d(4, 8, kernel_size=5, heads=2, stride=2, bias=True, border='mask')
    assert repr(layer).startswith(
        "LocalAttention2d(\n  4, 8, kernel_size=5, heads=2, stride=2, bias=True, border='mask'"
    )


# In place of convolutions -------------------------------------------------------------------------------------------


def test_convmodule_attends():
    module = ConvModule(8, 16, 3, stride=2, padding=1, conv_cfg=CONV_CFG, norm_cfg=dict(type='BN'))
    assert isinstance(module.conv, LocalAttention2d)
    assert module.conv.bias is None
    assert (module.kernel_size, module.stride, module.out_channels) == ((5, 5), (2, 2), 16)
    assert module(torch.randn(2, 8, 7, 9)).shape == (2, 16, 4, 5)
    assert ConvModule(8, 16, 3, padding=1, conv_cfg=CONV_CFG).conv.bias.shape == (16,)


def test_a_pointwise_convolution_stays_one():
    module = ConvModule(8, 16, 1, stride=2, conv_cfg=CONV_CFG)
    assert type(module.conv) is nn.Conv2d
    assert (module.conv.kernel_size, module.conv.stride, module.conv.bias is not None) == ((1, 1), (2, 2), True)


@pytest.mark.parametrize(
    ('size', 'kwargs', 'message'),
    [
        (3, dict(padding=2, dilation=2), 'without dilation or groups, got dilation 2'),
        (3, dict(padding=1, groups=8), 'and 8 groups'),
        (3, dict(padding=0), 'got size .3, 3. and padding 0'),
        (4, dict(padding=2), 'odd size'),
        ((1, 7), dict(padding=(0, 3)), 'square'),
    ],
)
def test_convolutions_that_attention_cannot_replace_are_refused(size, kwargs, message):
    with pytest.raises(ValueError, match=message):
        ConvModule(8, 16, size, conv_cfg=CONV_CFG, **kwargs)


def test_neck_and_heads_attend():
    neck = FPN([8, 16], 16, num_outs=3, add_extra_convs='on_output', conv_cfg=CONV_CFG)
    head = RetinaHead(3, 16, feat_channels=16, stacked_convs=2, conv_cfg=CONV_CFG)
    kinds = [
        [type(module.conv) for module in modules]
        for modules in (neck.lateral_convs, neck.fpn_convs, head.cls_convs, head.reg_convs)
    ]
    assert kinds == [[nn.Conv2d] * 2, [LocalAttention2d] * 3, [LocalAttention2d] * 2, [LocalAttention2d] * 2]
    maps = neck([torch.randn(1, 8, 16, 20), torch.randn(1, 16, 8, 10)])
    scores, boxes = head(maps)
    assert [score.shape for score in scores] == [(1, 27, 16, 20), (1, 27, 8, 10), (1, 27, 4, 5)]
    sum(out.sum() for out in (*scores, *boxes)).backward()
    assert all(param.grad is not None for module in (neck, head) for param in module.parameters())


def test_heads_draw_the_values_as_their_convolutions():
    """Appendix A.3: W_V of the heads from N(0, 0.01); the layer draws its queries itself."""
    head = RetinaHead(3, 64, feat_channels=64, conv_cfg=dict(type='LocalAttention2d'))
    head.init_weights()
    for layer in (module.conv for module in (*head.cls_convs, *head.reg_convs)):
        assert layer.value.weight.std().item() == pytest.approx(0.01, rel=0.1)
        assert layer.query.std().item() == pytest.approx(1 / (64 * 8) ** 0.5, rel=0.1)


def test_a_network_that_names_the_kernel_size_attends_that_far():
    model = ResNet(
        50,
        base_channels=16,
        num_stages=1,
        strides=(1,),
        dilations=(1,),
        out_indices=(0,),
        conv_cfg=dict(type='LocalAttention2d', heads=2),
    )
    extents = {module.kernel_size for module in model.modules() if isinstance(module, LocalAttention2d)}
    assert extents == {(3, 3), (7, 7)}
    assert model(torch.randn(2, 3, 32, 40))[0].shape == (2, 64, 8, 10)


# The stem's attention ------------------------------------------------------------------------------------------------


def stem_by_loops(layer: SpatiallyAwareAttention, x: torch.Tensor) -> torch.Tensor:
    """Appendix A.1 for one image (C, H, W), pixel by pixel."""
    (height, width), k = x.shape[1:], layer.kernel_size
    head_channels = layer.query.shape[0] // layer.heads
    p = torch.stack(
        [
            torch.stack([(layer.nu @ (layer.emb_row[a] + layer.emb_col[b])).softmax(0) for b in range(k)])
            for a in range(k)
        ]
    )
    y = torch.zeros(layer.query.shape[0], height, width, dtype=x.dtype)
    for i, j, head in ((i, j, head) for i in range(height) for j in range(width) for head in range(layer.heads)):
        own = slice(head * head_channels, (head + 1) * head_channels)
        top, left = (i - i % k, j - j % k) if layer.window == 'block' else (i - k // 2, j - k // 2)
        logits, values = {}, {}
        for a, b in ((a, b) for a in range(k) for b in range(k)):
            inside = top + a in range(height) and left + b in range(width)
            if inside or layer.border == 'zeros':
                pixel = x[:, top + a, left + b] if inside else torch.zeros_like(x[:, 0, 0])
                logits[a, b] = float((layer.query[own] @ x[:, i, j]) @ (layer.key[own] @ pixel))
                values[a, b] = torch.einsum('m,moc,c->o', p[a, b], layer.value[:, own], pixel)
        y[own, i, j] = attend(logits, values)
    return y


@pytest.mark.parametrize('border', ['mask', 'zeros'])
@pytest.mark.parametrize(
    ('window', 'kernel_size', 'size'),
    [('block', 4, (4, 8)), ('block', 4, (5, 6)), ('sliding', 3, (4, 5)), ('sliding', 5, (2, 3))],
)
def test_spatially_aware_attention_is_appendix_a1(window, kernel_size, size, border):
    torch.manual_seed(0)
    layer = SpatiallyAwareAttention(3, 8, kernel_size, heads=2, mixtures=3, window=window, border=border).double()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), torch.stack([stem_by_loops(layer, image) for image in x]))


@pytest.mark.parametrize('window', ['block', 'sliding'])
def test_spatially_aware_attention_in_half_precision(window):
    torch.manual_seed(0)
    layer, x = SpatiallyAwareAttention(3, 8, 3, window=window), torch.randn(1, 3, 7, 8)
    with torch.autocast('cpu', torch.bfloat16):
        y = layer(x)
    assert (y.float() - layer(x)).abs().max() < 0.05 * y.abs().max()


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(heads=3), 'multiple of heads, got 8 and 3'),
        (dict(window='round'), "window must be 'block' or 'sliding', got 'round'"),
        (dict(window='sliding', kernel_size=4), 'kernel_size must be odd for a sliding window, got 4'),
        (dict(border='mirror'), "border must be 'mask' or 'zeros', got 'mirror'"),
    ],
)
def test_spatially_aware_attention_refuses(kwargs, message):
    with pytest.raises(ValueError, match=message):
        SpatiallyAwareAttention(3, 8, **kwargs)
