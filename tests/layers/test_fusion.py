import pytest
import torch
from mmcv.cnn.bricks.conv_module import ConvModule
from torch import nn

from mmbackbones.layers import fold_norm_after, fold_norm_before, fold_scale_after

LAYERS = {
    'conv': lambda: nn.Conv2d(8, 12, 3),
    'no-bias': lambda: nn.Conv2d(8, 12, 1, bias=False),
    'grouped': lambda: nn.Conv2d(8, 12, 3, groups=4),
    'depthwise': lambda: nn.Conv2d(8, 8, 3, groups=8, bias=False),
    'reflecting': lambda: nn.Conv2d(8, 12, 3, padding=1, padding_mode='reflect'),
    'channels-last': lambda: nn.Conv2d(8, 12, 3).to(memory_format=torch.channels_last),
    'float64': lambda: nn.Conv2d(8, 12, 3).double(),
    'linear': lambda: nn.Linear(8, 12),
}


@pytest.fixture(params=LAYERS.values(), ids=LAYERS)
def layer(request):
    return request.param()


def _norm(channels, layer=None, **options):
    """A batch norm in eval mode that has seen something."""
    norm = (nn.BatchNorm1d if isinstance(layer, nn.Linear) else nn.BatchNorm2d)(channels, **options)
    for name, value in {**dict(norm.named_parameters()), **dict(norm.named_buffers())}.items():
        if value.is_floating_point():
            value.data.uniform_(0.5, 2) if name in ('weight', 'running_var') else value.data.normal_()
    return norm.eval() if layer is None else norm.to(layer.weight.dtype).eval()


def _input(layer):
    shape = (5, 8) if isinstance(layer, nn.Linear) else (2, 8, 9, 7)
    return torch.randn(shape, dtype=layer.weight.dtype)


@pytest.mark.parametrize('affine', [True, False])
def test_norm_after(layer, affine):
    x = _input(layer)
    norm = _norm(len(layer.weight), layer, affine=affine)
    expected, strides = norm(layer(x)), layer.weight.stride()
    rest = fold_norm_after(layer, norm)
    assert type(rest) is nn.Identity
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)
    assert layer.weight.stride() == strides
    assert not any(p.requires_grad for p in layer.parameters())


@pytest.mark.parametrize('affine', [True, False])
def test_norm_before(layer, affine):
    x = _input(layer)
    norm = _norm(8, layer, affine=affine)
    expected = layer(norm(x))
    assert type(fold_norm_before(norm, layer)) is nn.Identity
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_scale_after(layer):
    x, biased = _input(layer), layer.bias is not None
    scale = torch.rand(len(layer.weight), dtype=layer.weight.dtype)
    expected = layer(x) * (scale if isinstance(layer, nn.Linear) else scale[:, None, None])
    assert type(fold_scale_after(layer, scale)) is nn.Identity
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)
    fold_scale_after(layer, torch.tensor(2.0))
    torch.testing.assert_close(layer(x), 2 * expected, rtol=1e-5, atol=1e-5)
    assert (layer.bias is not None) == biased


@pytest.mark.parametrize(
    'norm',
    [
        nn.GroupNorm(1, 8).eval(),
        nn.InstanceNorm2d(8, track_running_stats=True).eval(),
        nn.BatchNorm2d(8),
        nn.BatchNorm2d(8, track_running_stats=False).eval(),
        nn.Identity(),
    ],
    ids=['group', 'instance', 'training', 'no-statistics', 'none'],
)
def test_norms_that_stay(norm):
    conv = nn.Conv2d(8, 8, 1)
    weight = conv.weight.clone()
    assert fold_norm_after(conv, norm) is norm
    assert fold_norm_before(norm, conv) is norm
    assert torch.equal(conv.weight, weight)


def test_norm_before_padding_stays():
    conv, norm, x = nn.Conv2d(8, 8, 3, padding=1), _norm(8), torch.randn(1, 8, 4, 4)
    assert fold_norm_before(norm, conv) is norm
    assert fold_norm_before(norm, nn.Conv2d(8, 8, 3, padding='same')) is norm
    norm.running_mean.zero_()
    norm.bias.data.zero_()
    expected = conv(norm(x))
    assert type(fold_norm_before(norm, conv)) is nn.Identity
    torch.testing.assert_close(conv(x), expected)


def test_convolution_that_computes_its_weights_keeps_its_norm():
    module = ConvModule(8, 8, 1, conv_cfg=dict(type='ConvWS'), norm_cfg=dict(type='BN'))
    norm = _norm(8)
    assert fold_norm_after(module.conv, norm) is norm
    assert fold_norm_before(norm, module.conv) is norm


def test_norms_of_others_and_watched_norms_stay():
    class Shifted(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x) + 1

    shifted, watched, conv = Shifted(8).eval(), _norm(8), nn.Conv2d(8, 8, 1)
    watched.register_forward_hook(lambda *_: None)
    assert all(fold_norm_after(conv, norm) is norm for norm in (shifted, watched))
    assert type(fold_norm_after(conv, nn.SyncBatchNorm(8).eval())) is nn.Identity
