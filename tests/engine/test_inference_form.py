"""Models in the form in which they predict."""

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmbackbones.engine.inference_form import fuse_in_place, inference_form
from tests.helpers.small_backbones import as_trained, build_small

BN = dict(type='BN')


def _model():
    torch.manual_seed(0)
    neck = nn.Sequential(ConvModule(8, 6, 3, norm_cfg=BN), ConvModule(6, 6, 1, norm_cfg=BN, act_cfg=None))
    model = nn.ModuleDict(dict(backbone=build_small('VAN', out_indices=(0,)), neck=neck))
    return as_trained(model).eval()


def _compute(model):
    with torch.no_grad():
        return model['neck'](model['backbone'](torch.ones(1, 3, 64, 64))[0])


def test_a_copy_that_computes_the_same():
    model = _model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    expected = _compute(model)
    form = inference_form(model)
    assert not [m for m in form['neck'].modules() if isinstance(m, _BatchNorm)]
    assert form['backbone'].fused
    torch.testing.assert_close(_compute(form), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(_compute(model), expected)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(p.requires_grad for p in model.parameters())
    shared = {p.data_ptr() for p in model.parameters()} & {p.data_ptr() for p in form.parameters()}
    assert shared  # such as the layer norms


def test_in_place_the_same_to_the_last_digit():
    """From training mode, too, as a test finds its model."""
    model = _model()
    form = _compute(inference_form(model))
    model.train()
    fuse_in_place(model)
    assert torch.equal(_compute(model), form)


def test_made_anew_when_weights_change():
    model = _model()
    form = inference_form(model)
    assert inference_form(model) is form
    with torch.no_grad():
        model['neck'][0].bn.running_mean += 1
    changed = inference_form(model)
    assert changed is not form
    torch.testing.assert_close(_compute(changed), _compute(model), rtol=1e-4, atol=1e-5)
    model.load_state_dict(_model().state_dict())
    assert inference_form(model) is not changed
    assert torch.equal(_compute(inference_form(model)), _compute(form))


def test_in_inference_mode():
    with torch.inference_mode():
        model = _model()
        expected = _compute(model)
        torch.testing.assert_close(_compute(inference_form(model)), expected, rtol=1e-4, atol=1e-5)


class _OwnForward(ConvModule):
    def forward(self, x):
        return self.norm(self.conv(x)) + self.conv(x)


@pytest.mark.parametrize('kind', ['shared', 'own forward', 'norm first', 'activation first', 'spectral', 'group norm'])
def test_convolutions_that_stay(kind):
    if kind == 'shared':  # as in RetinaSepBNHead
        first, second = (ConvModule(4, 4, 1, norm_cfg=BN) for _ in range(2))
        second.conv = first.conv
        model = nn.ModuleList([first, second])
    elif kind == 'own forward':
        model = nn.ModuleList([_OwnForward(4, 4, 1, norm_cfg=BN)])
    else:
        options = {
            'norm first': dict(norm_cfg=BN, order=('norm', 'conv', 'act')),
            'activation first': dict(norm_cfg=BN, order=('conv', 'act', 'norm')),
            'spectral': dict(norm_cfg=BN, with_spectral_norm=True),
            'group norm': dict(norm_cfg=dict(type='GN', num_groups=2)),
        }
        model = nn.ModuleList([ConvModule(4, 4, 1, **options[kind])])
    as_trained(model).eval()
    x = torch.randn(2, 4, 5, 5)
    with torch.no_grad():
        expected = [module(x) for module in model]
        fuse_in_place(model)
        assert all(torch.equal(module(x), other) for module, other in zip(model, expected, strict=True))


def test_networks_without_anything_to_fold():
    network = nn.Conv2d(3, 3, 1)
    assert inference_form(network) is network
