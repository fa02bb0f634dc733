import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from mmbackbones.ops import conv_pointwise, linear_pointwise
from mmbackbones.ops.onednn import onednn_runs_pointwise

pytestmark = pytest.mark.skipif(not onednn_runs_pointwise(), reason='needs the private operators of oneDNN')


def channels_last(*shape):
    return torch.randn(*shape).contiguous(memory_format=torch.channels_last)


CASES = {
    'linear, wider': (linear_pointwise, nn.Linear(6, 20), torch.randn(2, 5, 7, 6)),
    'linear, narrower': (linear_pointwise, nn.Linear(20, 6), torch.randn(2, 9, 20)),
    'linear, no bias': (linear_pointwise, nn.Linear(8, 8, bias=False), torch.randn(9, 8)),
    'linear, transposed': (linear_pointwise, nn.Linear(8, 5), torch.randn(2, 8, 9).mT),
    'convolution': (conv_pointwise, nn.Conv2d(8, 20, 1), channels_last(2, 8, 5, 6)),
    'convolution of every second pixel': (conv_pointwise, nn.Conv2d(8, 20, 1, stride=2), channels_last(2, 8, 5, 6)),
    'convolution of a view': (
        conv_pointwise,
        nn.Conv2d(8, 5, 1, bias=False),
        torch.randn(2, 5, 6, 8).permute(0, 3, 1, 2),
    ),
}
every_case = pytest.mark.parametrize(('call', 'module', 'x'), CASES.values(), ids=CASES)


def gradients(y, x, module, dy):
    return torch.autograd.grad(y, [x, *module.parameters()], dy)


@every_case
def test_values_and_gradients(call, module, x):
    x = x.requires_grad_()
    y, expected = call(module, x), module(x)
    assert y.grad_fn.name() in ('_LinearBackward', 'PermuteBackward0')
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-6)
    assert y.stride() == expected.stride()
    dy = torch.randn_like(expected)
    torch.testing.assert_close(gradients(y, x, module, dy), gradients(expected, x, module, dy), rtol=1e-5, atol=1e-5)


@every_case
@pytest.mark.parametrize('without', ['input', 'weight'])
def test_only_the_gradients_that_are_needed(call, module, x, without):
    x = x.detach().requires_grad_(without != 'input')
    module.requires_grad_(without != 'weight')
    wanted = [x] if without == 'weight' else list(module.parameters())
    y = call(module, x)
    dy = torch.randn_like(y)
    found, expected = (torch.autograd.grad(each, wanted, dy) for each in (y, module(x)))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    module.requires_grad_(True)


def test_the_bias_is_not_copied():
    """PyTorch fills the result with it first."""
    linear, x = nn.Linear(8, 16), torch.randn(50, 8)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        linear_pointwise(linear, x)
    assert 'aten::copy_' not in {event.key for event in profiler.key_averages()}


@pytest.mark.parametrize('module', [nn.Linear(8, 5), nn.Conv2d(8, 5, 1)], ids=['linear', 'convolution'])
@pytest.mark.parametrize('reason', ['float64', 'autocast', 'hook', 'subclass', 'no oneDNN'])
def test_else_the_module_itself_is_called(module, reason, monkeypatch):
    call, x = linear_pointwise, torch.randn(2, 3, 8)
    if isinstance(module, nn.Conv2d):
        call, x = conv_pointwise, channels_last(2, 8, 3, 4)
    calls = []
    plain = type(module).forward
    monkeypatch.setattr(type(module), 'forward', lambda self, x: calls.append(1) or plain(self, x))
    if reason == 'float64':
        x = x.double()
        module = type(module)(8, 5, *[1] * (x.dim() - 3)).double()
    elif reason == 'hook':
        module.register_forward_hook(lambda *_: None)
    elif reason == 'subclass':
        module = type('Other', (type(module),), {})(8, 5, *[1] * (x.dim() - 3))
    elif reason == 'no oneDNN':
        monkeypatch.setattr('mmbackbones.ops.pointwise.onednn_runs_pointwise', lambda: False)
    with torch.autocast('cpu', torch.bfloat16, enabled=reason == 'autocast'):
        call(module, x)
    assert calls
    module._forward_hooks.clear()
