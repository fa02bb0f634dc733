"""Small classifiers: what they load and refuse. backbones/test_logits.py compares released ones with the authors'."""

import pytest
import torch

from mmbackbones.apis.classify import ImageClassifier, classifier
from mmbackbones.errors import UserError
from tests.helpers.small_backbones import SMALL, name_small_arch, registered


@pytest.fixture
def build(monkeypatch):
    """Builds a small classifier of five classes."""

    def build_classifier(family='VAN'):
        name_small_arch(monkeypatch, family)
        torch.manual_seed(0)
        return ImageClassifier(dict(type=family, arch='small'), num_classes=5).eval()

    return build_classifier


@pytest.mark.parametrize('family', [name for name in registered() if name != 'SASAResNet'])
def test_loads_what_it_saved(build, family, tmp_path):
    source, x = build(family), torch.randn(2, 3, 64, 96)
    torch.save(source.state_dict(), tmp_path / 'weights.pth')
    model = classifier(str(tmp_path / 'weights.pth'))
    with torch.no_grad():
        logits = model(x)
    assert logits.shape == (2, 5)
    torch.testing.assert_close(logits, source(x))


def test_a_resnet_classifies_too():
    model = ImageClassifier(dict(type='SASAResNet', **SMALL['SASAResNet']), num_classes=7)
    assert model(torch.randn(2, 3, 64, 64)).shape == (2, 7)


@pytest.mark.parametrize('family', [name for name in registered() if name != 'SASAResNet'])
def test_every_parameter_gets_a_gradient(build, family):
    model = build(family).train()
    model(torch.randn(2, 3, 64, 64)).square().mean().backward()
    assert [name for name, param in model.named_parameters() if param.grad is None] == []


def without_head(state):
    return {key: value for key, value in state.items() if not key.startswith('head.')}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (without_head, 'holds VAN small .*, not an image classifier'),
        (
            lambda state: {**state, 'head.fc.bias': torch.zeros(4)},
            r'another shape: head.fc.bias \(4 in the file, 5 here',
        ),
        (lambda state: {**state, 'head.norm.bias': torch.zeros(5)}, '1 unexpected: head.norm.bias'),
        (
            lambda state: {key: value for key, value in state.items() if key != 'head.fc.bias'},
            '1 missing: head.fc.bias',
        ),
    ],
)
def test_refuses_what_does_not_fit(build, change, message, tmp_path):
    torch.save(change(build().state_dict()), tmp_path / 'weights.pth')
    with pytest.raises(UserError, match=message):
        classifier(str(tmp_path / 'weights.pth'))


def test_dualvit_keeps_its_queries_for_64_cells(build):
    """For an image whose pooled map is 4x16; the pyramid would resize the 8x8 queries."""
    stem = build('DualViT').backbone.stem.semantics
    assert torch.equal(stem.queries((4, 16))[0], stem.query)
    assert stem.queries((4, 4)).shape == (1, 16, 8)
