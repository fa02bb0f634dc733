"""The authors' form gives the values and gradients of our networks, and computes what its name says."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmbackbones.backbones.transcnn import two_step
from mmbackbones.benchmarks.authors_form import FORMS, authors_form
from tests.helpers.small_backbones import SMALL, build_small, registered

# The authors have two steps in the first three stages, and take maps of whole cells and windows.
_ATTENTIONS = two_step((4, 2, 2), (4, 2, 2))
OPTIONS = {name: dict(arch={**SMALL[name]['arch'], 'attentions': _ATTENTIONS}) for name in ('HATNet', 'TransCNN')}
SIZE = (128, 64)


def build(name: str, **options) -> nn.Module:
    torch.manual_seed(0)
    model = build_small(name, **OPTIONS.get(name, {}), **options)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics that are not those of a fresh network
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return model


def test_every_backbone_has_one():
    assert sorted(FORMS) == registered()


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('name', FORMS)
def test_values_and_gradients(name, training):
    ours = build(name).double().train(training)
    form = authors_form(ours).double()
    image = torch.randn(2, 3, *SIZE, dtype=torch.double)
    outs = {}
    for kind, model in (('ours', ours), ('form', form)):
        model.load_state_dict(form.state_dict())
        x = image.clone().requires_grad_()
        maps = model(x)
        torch.manual_seed(1)
        sum((y * torch.randn_like(y)).sum() for y in maps).backward()
        outs[kind] = dict(enumerate(maps), image=x.grad) | {key: param.grad for key, param in model.named_parameters()}
    assert outs['form'].keys() == outs['ours'].keys()
    torch.testing.assert_close(outs['form'], outs['ours'], rtol=1e-5, atol=1e-7)
    assert all(value.abs().max() > 0 for value in outs['form'].values())


@pytest.mark.parametrize('name', FORMS)
def test_float32(name):
    ours = build(name).eval()
    form, image = authors_form(ours), torch.randn(1, 3, *SIZE)
    with torch.no_grad():
        for y, expected in zip(form(image), ours(image), strict=True):
            assert (y - expected).norm() < 1e-5 * expected.norm()
            assert y.is_contiguous()


@pytest.mark.parametrize('name', FORMS)
def test_no_fused_attention(name, monkeypatch):
    monkeypatch.setattr(F, 'scaled_dot_product_attention', None)
    authors_form(build(name))(torch.randn(1, 3, *SIZE))


@pytest.mark.parametrize('options', [dict(semantic_grid=(3, 2)), dict(semantic_grid=None)])
def test_semantic_grids(options):
    ours = build('DualViT', **options).eval()
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(authors_form(ours)(image), ours(image), rtol=1e-4, atol=1e-5)
