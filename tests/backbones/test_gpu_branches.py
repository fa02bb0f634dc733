"""The code that is chosen on GPUs, computed on the CPU: its values and gradients are those of the CPU's code."""

import copy
from importlib import import_module

import pytest
import torch

from tests.helpers.as_on_gpu import AsOnGpu
from tests.helpers.small_backbones import as_trained


@pytest.fixture
def network(build):
    torch.manual_seed(0)
    return as_trained(build())


def image(height=97, width=70, batch=2):
    return torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(0))


def step(network, x):
    outs = network(x)
    sum(out.square().mean() for out in outs).backward()
    return [*outs, *(param.grad for param in network.parameters())]


def assert_near(found, expected, tolerance):
    """All of a list share one norm: some gradients are zero but for rounding, that of a bias before a batch norm is."""
    difference = sum((a.double() - b.double()).square().sum() for a, b in zip(found, expected, strict=True))
    assert difference.sqrt() < tolerance * sum(b.double().square().sum() for b in expected).sqrt()


def test_values_and_gradients(network, monkeypatch):
    blocked = import_module('mmbackbones.ops.local_attention.blocked')
    monkeypatch.setattr(blocked, 'takes_narrow_values', lambda x: True)  # asked outside of the mode, too: in `backward`
    expected = step(copy.deepcopy(network).train(), image())
    with AsOnGpu():
        found = step(network.train(), image())
    assert_near(found, expected, 1e-4)


def test_the_inference_form(network):
    network.eval()
    with torch.no_grad():
        expected = network(image())
        with AsOnGpu():
            assert image().is_cuda
            found = network.fuse()(image())
    assert all(out.is_contiguous() for out in found)
    assert_near(found, expected, 1e-5)


def test_weights_in_half_precision(network):
    """All operators get tensors of one type."""
    network.eval()
    with torch.no_grad():
        expected = network(image())
        with AsOnGpu():
            for model in (network.bfloat16(), network.fuse()):
                found = model(image().bfloat16())
                assert {out.dtype for out in found} == {torch.bfloat16}
                assert_near(found, expected, 0.1)


@pytest.mark.parametrize('fused', [False, True])
def test_mixed_precision(network, fused):
    network.eval()
    with torch.no_grad():
        expected = network(image())
        if fused:
            network.fuse()
        with AsOnGpu(), torch.autocast('cpu', torch.bfloat16):
            found = network(image())
    assert_near(found, expected, 0.1)


@pytest.mark.parametrize('backbone_name', ['VAN', 'DualViT'], indirect=True)
def test_fused_blocks_stay_in_half_precision(network):
    """Where a layer scale is folded, no weight in float32 meets a map."""
    found = []
    for block in (block for stage in network.eval().fuse().stages for block in stage.blocks):
        block.register_forward_hook(lambda module, args, out: found.append(out[0].dtype))
    with AsOnGpu(), torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        network(image())
    assert set(found) == {torch.bfloat16}
