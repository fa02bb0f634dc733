"""Every backbone on images of any size."""

from functools import cache
from math import ceil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.small_backbones import SMALL, build_small


@cache
def network(name):
    torch.manual_seed(0)
    return build_small(name).eval()


@pytest.mark.parametrize('name', SMALL)
@given(height=st.integers(32, 200), width=st.integers(32, 200), batch=st.integers(1, 2), seed=st.integers(0, 2**32 - 1))
def test_sizes(name, height, width, batch, seed):
    """Maps of the sizes that the contract names; an image has the same ones beside any other image."""
    model = network(name)
    image = torch.randn(batch, 3, height, width, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        outs, alone = model(image), model(image[-1:])
    for out, single, channels, stride in zip(outs, alone, model.out_channels, model.strides, strict=True):
        assert out.shape == (batch, channels, ceil(height / stride), ceil(width / stride))
        assert out.isfinite().all()
        torch.testing.assert_close(out[-1:], single, rtol=1e-4, atol=1e-4)
