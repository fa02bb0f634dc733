"""The inference form of every backbone."""

import copy

import pytest
import torch

from mmbackbones.errors import UserError
from mmbackbones.ops import is_plain
from tests.helpers.small_backbones import as_trained


def image(height=64, width=64, batch=1):
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network(build):
    torch.manual_seed(0)
    return as_trained(build(drop_path_rate=0.5, with_cp=True)).eval()


def test_equal_maps(network):
    fused = copy.deepcopy(network).fuse()
    assert fused.fused
    assert not network.fused
    for size in ((64, 64), (97, 70)):
        with torch.no_grad():
            expected = network(image(*size, batch=2))
        found = fused(image(*size, batch=2))  # no_grad is not needed
        for a, b in zip(found, expected, strict=True):
            assert a.is_contiguous()
            assert not a.requires_grad
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5 * b.abs().max().item())


def test_once_and_for_good(network):
    fused = network.fuse()
    state = {key: value.clone() for key, value in fused.state_dict().items()}
    assert fused.fuse() is fused
    assert all(torch.equal(value, state[key]) for key, value in fused.state_dict().items())
    assert not any(p.requires_grad for p in fused.parameters())
    assert not any(m.training for m in fused.modules())
    with pytest.raises(UserError, match='cannot be trained'):
        fused.train()
    with pytest.raises(UserError, match='takes no checkpoint'):
        fused.load_state_dict(state)
    assert fused.eval() is fused
    assert torch.equal(copy.deepcopy(fused)(image())[0], fused(image())[0])


def test_gradients_of_the_input(network):
    """Through the plain operators: explanations of a prediction need them."""
    x = image().requires_grad_()
    fused = copy.deepcopy(network).fuse()
    gradients = [torch.autograd.grad(sum(out.square().mean() for out in model(x)), x)[0] for model in (network, fused)]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4 * gradients[0].abs().max().item())


class _Scaling:
    """A class of layer that does more than its weights say."""

    def forward(self, x):
        self.called.add(self)
        return 1.5 * super().forward(x)


@pytest.mark.parametrize('change', ['hooks', 'classes'])
def test_layers_that_do_more_than_their_weights_say(network, change):
    """Such as those with an update of low rank, a spectral norm or a probe: all are called, fused or not."""
    layers = [layer for layer in network.modules() if is_plain(layer)]
    called = set()
    for layer in layers:
        if change == 'classes':
            layer.__class__ = type('Scaling', (_Scaling, type(layer)), dict(called=called))
        else:
            layer.register_forward_hook(lambda module, args, y: called.add(module) or 1.5 * y)
    with torch.no_grad():
        expected = network(image())
        reads_all = type(network).__name__ != 'SASAResNet'  # its attention computes three projections in one product
        assert called == set(layers) or not reads_all
        found = copy.deepcopy(network).fuse()(image())
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5 * b.abs().max().item())
