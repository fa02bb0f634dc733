"""What others put in the place of layers, or hang onto them, is called by every backbone, fast operators or not."""

import copy

import pytest
import torch
from torch import Tensor, nn

from tests.helpers.small_backbones import as_trained


class Adapter(nn.Module):
    """As LoRA's: it has the place of a layer, and a result of its own."""

    def __init__(self, base: nn.Module) -> None:
        super().__init__()
        self.base = base

    def forward(self, x: Tensor) -> Tensor:
        return 1.5 * self.base(x)


def hooked(layer: nn.Module) -> nn.Module:
    layer.register_forward_hook(lambda module, inputs, output: 1.5 * output)
    return layer


@pytest.mark.parametrize('replace', [Adapter, hooked], ids=['adapter', 'hook'])
def test_replaced_layers(build, replace):
    torch.manual_seed(0)
    network = as_trained(build()).eval()
    changed = copy.deepcopy(network)
    for parent in list(changed.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                setattr(parent, name, replace(layer))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            for parameter in layer.parameters():
                parameter.data.mul_(1.5)
    x = torch.randn(2, 3, 64, 70)
    expected = network(x)  # with gradients: other operators than without
    with torch.no_grad():
        results = changed(x), copy.deepcopy(changed).fuse()(x)
    for found in (changed(x), *results):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
