"""What the benchmarks measure is what they say; here it only has to run."""

import pytest
import torch

from mmbackbones import config_path
from mmbackbones.benchmarks import contiguous_maps, detectors, hierarchical_attention


@pytest.mark.parametrize('materialised', [False, True])
def test_hierarchical_attention(materialised):
    hierarchical_attention.make_step(hierarchical_attention.FORMS['full attention'], 32, materialised)()


def test_a_detectors_training_step(monkeypatch):
    monkeypatch.setattr(detectors, 'HEIGHT', 96)
    monkeypatch.setattr(detectors, 'WIDTH', 131)
    gradients = []
    monkeypatch.setattr(
        torch.nn.Module,
        'zero_grad',
        lambda model: gradients.extend(param.grad is not None for param in model.parameters() if param.requires_grad),
    )
    detectors.make_step(str(config_path('retinanet_van_t_demo')))()
    assert gradients
    assert all(gradients)


@pytest.mark.parametrize('contiguous', [False, True])
def test_contiguous_maps(monkeypatch, contiguous):
    seen = []
    monkeypatch.setattr(contiguous_maps.FPN, 'forward', lambda neck, maps: seen.extend(maps) or maps)
    contiguous_maps.make_step(dict(type='VAN', arch='tiny'), 64, contiguous)()
    assert len(seen) == 4
    assert seen[0].is_contiguous() == contiguous
