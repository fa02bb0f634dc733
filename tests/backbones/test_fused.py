"""The inference form of every backbone."""

import copy

import pytest
import torch

from mmbackbones.errors import UserError
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
