"""Under autocast to bfloat16 on a CPU: no product of weights in float32, and maps close to those of float32."""

from collections import Counter

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from mmbackbones.layers import LayerScale
from tests.helpers.small_backbones import build_small, registered

PRODUCTS = ('conv', 'linear', 'mm')
TOLERANCE = 8e-2  # of the norm of a map; bfloat16 rounds to 4e-3


class Products(TorchDispatchMode):
    """Counts operators that multiply matrices, by the type of their first input."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[tuple[torch.dtype, str]] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function)
        if any(part in name for part in PRODUCTS) and not name.startswith('mmbackbones.'):
            first = next(value for value in args if isinstance(value, Tensor))
            self.seen[first.dtype, name] += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize('name', registered())
def test_products_and_maps(name):
    torch.manual_seed(0)
    network = build_small(name).train()
    x = torch.randn(2, 3, 70, 100)
    expected = network(x)
    with Products() as products:
        with torch.autocast('cpu', torch.bfloat16):
            maps = network(x)
            loss = sum(y.float().square().mean() for y in maps)
        loss.backward()
    assert {y.dtype for y in maps} == {torch.bfloat16}
    assert [name for dtype, name in products.seen if dtype != torch.bfloat16] == []
    assert sum(products.seen.values()) >= 40
    for got, want in zip(maps, expected, strict=True):
        assert (got - want).norm() < TOLERANCE * want.norm()
    assert {param.grad.dtype for param in network.parameters()} == {torch.float32}


def test_layer_scale_returns_the_type_that_it_gets():
    x = torch.randn(2, 3, 4, 5)
    for data_format, like in (('channels_first', x), ('channels_last', x.permute(0, 2, 3, 1))):
        layer = LayerScale(3, data_format=data_format, scale=0.5)
        assert torch.equal(layer(like), like * 0.5)
        assert torch.equal(layer(like.bfloat16()), like.bfloat16() * 0.5)
        assert layer(like.bfloat16()).dtype == torch.bfloat16
