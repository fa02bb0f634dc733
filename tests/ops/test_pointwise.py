import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.profiler import ProfilerActivity, profile

from mmbackbones.ops import conv_pointwise, linear_pointwise
from mmbackbones.ops.bfloat16_weights import make_final
from mmbackbones.ops.onednn import onednn_runs_pointwise

ACTIVATIONS = {None: lambda x: x, 'gelu': F.gelu, 'silu': F.silu, 'relu': F.relu}
FORMATS = {'channels-last': torch.channels_last, 'contiguous': torch.contiguous_format}
CONVS = {
    '1x1': dict(out_channels=12, kernel_size=1),
    'no-bias': dict(out_channels=12, kernel_size=1, bias=False),
    'depthwise': dict(out_channels=8, kernel_size=5, padding=2, groups=8),
    'strided': dict(out_channels=12, kernel_size=3, stride=2, padding=1),
    'dilated': dict(out_channels=12, kernel_size=3, dilation=2, padding=2, groups=4),
    'reflecting': dict(out_channels=12, kernel_size=3, padding=1, padding_mode='reflect'),
    'same': dict(out_channels=12, kernel_size=3, padding='same'),
}
needs_onednn = pytest.mark.skipif(not onednn_runs_pointwise(), reason='needs the private operators of oneDNN')


@pytest.fixture(params=[pytest.param('onednn', marks=needs_onednn), 'plain'])
def form(request, monkeypatch):
    if request.param == 'plain':
        monkeypatch.setattr('mmbackbones.ops.pointwise.onednn_runs_pointwise', lambda: False)


def _operators(function):
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        function()
    return {event.key for event in profiler.key_averages()}


@pytest.mark.parametrize('memory_format', FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize('options', CONVS.values(), ids=CONVS)
def test_convolution(form, options, memory_format):
    conv = nn.Conv2d(8, **options).requires_grad_(False)
    x = torch.randn(2, 8, 9, 7).contiguous(memory_format=memory_format)
    y = conv(x)
    factor, residual = (torch.randn_like(y) for _ in range(2))
    inputs = [v.clone() for v in (x, factor, residual)]
    for activation, times, plus in itertools.product(ACTIVATIONS, (None, factor), (None, residual)):
        expected = ACTIVATIONS[activation](y) * (1 if times is None else times) + (0 if plus is None else plus)
        found = conv_pointwise(conv, x, activation, times, plus)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=2e-6)
        assert found.is_contiguous(memory_format=memory_format)
    assert all(map(torch.equal, inputs, (x, factor, residual)))


@pytest.mark.parametrize('bias', [True, False])
def test_linear(form, bias):
    linear = nn.Linear(8, 12, bias).requires_grad_(False)
    x = torch.randn(2, 5, 8)
    residual = torch.randn(2, 5, 12)
    for activation, plus in itertools.product(ACTIVATIONS, (None, residual)):
        expected = ACTIVATIONS[activation](linear(x)) + (0 if plus is None else plus)
        torch.testing.assert_close(linear_pointwise(linear, x, activation, plus), expected, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize(
    'view',
    [lambda x: x[:, :8, ::2], lambda x: x.transpose(2, 3)[:, 8:], lambda x: x[..., 1:-1].flip(3)[:, 4:12]],
    ids=['slice', 'transposed', 'offset'],
)
def test_strided_views(form, view):
    conv = nn.Conv2d(8, 8, 3, padding=1).requires_grad_(False)
    x = view(torch.randn(2, 16, 12, 12))
    residual = view(torch.randn(2, 16, 12, 12))
    torch.testing.assert_close(conv_pointwise(conv, x, residual=residual), conv(x.clone()) + residual)
    torch.testing.assert_close(conv_pointwise(conv, x, 'gelu'), F.gelu(conv(x.clone())))


@needs_onednn
@pytest.mark.parametrize('options', [{}, dict(factor=True), dict(residual=True), dict(activation='gelu')], ids=str)
def test_one_pass(options):
    conv, x = nn.Conv2d(8, 8, 1), torch.randn(1, 8, 6, 6)
    options = {name: x.clone() if value is True else value for name, value in options.items()}
    with torch.no_grad():
        assert not _operators(lambda: conv_pointwise(conv, x, **options)) & {'aten::gelu', 'aten::mul', 'aten::add'}
        linear = nn.Linear(6, 6)
        options.pop('factor', None)
        assert not _operators(lambda: linear_pointwise(linear, x, **options)) & {'aten::gelu', 'aten::add'}


@pytest.mark.parametrize('takes_gradient', ['weight', 'input'])
def test_gradients(takes_gradient):
    conv, linear = nn.Conv2d(8, 12, 1), nn.Linear(7, 7)
    x = torch.randn(2, 8, 9, 7)
    for module in (conv, linear):
        module.requires_grad_(takes_gradient == 'weight')
    x.requires_grad_(takes_gradient == 'input')
    leaves = [x] if takes_gradient == 'input' else [*conv.parameters(), *linear.parameters()]
    y = linear_pointwise(linear, conv_pointwise(conv, x, 'gelu'), 'silu')
    expected = F.silu(linear(F.gelu(conv(x))))
    found = torch.autograd.grad(y.square().sum(), leaves)
    torch.testing.assert_close(found, torch.autograd.grad(expected.square().sum(), leaves))


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float64])
def test_autocast_and_types(form, dtype):
    conv, linear = nn.Conv2d(8, 8, 1), nn.Linear(6, 6)
    x = torch.randn(2, 8, 6, 6)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=dtype == torch.bfloat16):
        if dtype != torch.bfloat16:
            conv, linear, x = conv.to(dtype), linear.to(dtype), x.to(dtype)
        for residual in (None, x, x.to(dtype)):
            y = conv_pointwise(conv, x, 'gelu', residual=residual)
            z = linear_pointwise(linear, x, residual=residual)
            expected_y = F.gelu(conv(x)) if residual is None else F.gelu(conv(x)) + residual
            expected_z = linear(x) if residual is None else linear(x) + residual
            for found, expected in ((y, expected_y), (z, expected_z)):
                assert found.dtype == expected.dtype
                tolerance = 0.03 if dtype == torch.bfloat16 else 1e-5
                torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def test_hooks_see_the_convolution():
    conv, x, seen = nn.Conv2d(8, 8, 1).requires_grad_(False), torch.randn(1, 8, 4, 4), []
    conv.register_forward_hook(lambda module, inputs, output: seen.append(output))
    y = conv_pointwise(conv, x, 'relu')
    assert torch.equal(seen[0].relu(), y)
    assert bool((seen[0] < 0).any())


def test_subclasses_compute_as_they_do():
    class Doubled(nn.Conv2d):
        def forward(self, x):
            return 2 * super().forward(x)

    conv, x = Doubled(8, 8, 1).requires_grad_(False), torch.randn(1, 8, 4, 4)
    assert torch.equal(conv_pointwise(conv, x, 'relu'), conv(x).relu())


def test_empty_batch(form):
    conv = nn.Conv2d(8, 12, 3, 2, 1).requires_grad_(False)
    assert conv_pointwise(conv, torch.zeros(0, 8, 9, 7), 'gelu').shape == (0, 12, 5, 4)


def test_recorded_in_standard_operators():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear = nn.Conv2d(8, 8, 1), nn.Linear(6, 6)

        def forward(self, x):
            return linear_pointwise(self.linear, conv_pointwise(self.conv, x, 'gelu', x, x), 'silu', x)

    network = Network().requires_grad_(False)
    x = torch.randn(1, 8, 6, 6)
    with torch.no_grad():
        exported = torch.export.export(network, (x,))
        traced = torch.jit.trace(network, x)
    assert {node.target.namespace for node in exported.graph.nodes if node.op == 'call_function'} == {'aten'}
    assert 'mkldnn' not in str(traced.inlined_graph)
    torch.testing.assert_close(traced(x), network(x))


@needs_onednn
@pytest.mark.parametrize('ordered', [True, False])
def test_weights_in_bfloat16_are_prepared_once(ordered, monkeypatch):
    """And anew as soon as they change."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip('oneDNN has no bfloat16 here')
    monkeypatch.setattr('mmbackbones.ops.bfloat16_weights._has_amx', lambda: ordered)
    conv, linear = nn.Conv2d(8, 16, 3, 2, 1).requires_grad_(False), nn.Linear(8, 16).requires_grad_(False)
    make_final(nn.Sequential(conv, linear))
    image, tokens = torch.randn(1, 8, 12, 10), torch.randn(1, 5, 8)

    def found():
        with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
            pairs = ((conv_pointwise(conv, image), conv(image)), (linear_pointwise(linear, tokens), linear(tokens)))
        for y, expected in pairs:
            torch.testing.assert_close(y, expected, rtol=0.02, atol=0.02)
        return [y for y, _ in pairs]

    with torch.autocast('cpu', torch.bfloat16):
        before = found()
        image_of_another_size = torch.randn(1, 8, 31, 7)
        torch.testing.assert_close(
            conv_pointwise(conv, image_of_another_size), conv(image_of_another_size), rtol=0.02, atol=0.02
        )
        low = image.bfloat16().contiguous(memory_format=torch.channels_last), tokens.bfloat16()
        seen = _operators(lambda: (conv_pointwise(conv, low[0]), linear_pointwise(linear, low[1])))
    assert 'aten::_to_copy' not in seen
    conv.weight.data = 2 * conv.weight
    linear.bias = nn.Parameter(linear.bias + 1, requires_grad=False)
    assert not any(map(torch.equal, before, found()))


def test_weights_that_may_change_are_not_kept():
    """An average of weights changes by ``.data``, which PyTorch does not count."""
    conv, x = nn.Conv2d(8, 16, 1).requires_grad_(False), torch.randn(1, 8, 6, 6)
    for _ in range(2):
        with torch.autocast('cpu', torch.bfloat16):
            torch.testing.assert_close(conv_pointwise(conv, x), conv(x), rtol=0.02, atol=0.02)
        conv.weight.data.mul_(3)


def test_a_strided_convolution_of_one_pixel():
    conv, x = nn.Conv2d(8, 12, 1, stride=2), torch.randn(2, 8, 7, 6).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(conv_pointwise(conv, x), conv(x), rtol=1e-6, atol=2e-6)
