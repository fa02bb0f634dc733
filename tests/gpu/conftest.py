"""Fixtures of the tests that need a CUDA GPU; ``make test-gpu`` runs them.

``pytest -m gpu tests/gpu --device cpu`` rehearses them on a machine without one.
"""

from collections.abc import Callable, Iterator

import pytest
import torch
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.helpers.small_backbones import SMALL, registered


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption('--device', default='cuda', choices=('cuda', 'cpu'), help='where the GPU tests run')


@pytest.fixture
def device(request) -> Iterator[str]:
    """Where to compute: the GPU, with float32 products that are not rounded to TF32; skips where there is none."""
    name = request.config.getoption('--device', default='cuda')
    if name == 'cuda' and not torch.cuda.is_available():
        pytest.skip('no CUDA GPU: torch.cuda.is_available() is false')
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    yield name
    for backend, allowed in zip(backends, before, strict=True):
        backend.allow_tf32 = allowed


@pytest.fixture(params=registered())
def build(request) -> Callable[..., nn.Module]:
    """Builds each registered backbone, small, on the CPU, always with the same weights."""

    def build_small(**kwargs) -> nn.Module:
        torch.manual_seed(0)
        model = MODELS.build({'type': request.param, **SMALL[request.param], **kwargs})
        for module in model.modules():
            if isinstance(module, _BatchNorm | nn.GroupNorm):
                nn.init.ones_(module.weight)  # some blocks begin as the identity, which would hide what they do
        return model

    return build_small


@pytest.fixture
def relative_error() -> Callable:
    """``relative_error(got, want)`` of two lists of tensors: the norm of all differences over the norm of `want`.

    All of a list share one norm: some gradients are zero but for rounding, that of a bias before a batch norm is.
    """

    def measure(got: list[Tensor], want: list[Tensor]) -> float:
        got, want = ([x.detach().cpu().double() for x in side] for side in (got, want))
        difference = sum((a - b).square().sum() for a, b in zip(got, want, strict=True))
        return float((difference / sum(b.square().sum() for b in want)).sqrt())

    return measure
