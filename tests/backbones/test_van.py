"""VAN against numbers computed with the authors' code, from a file in the authors' layout."""

import pytest
import torch

from mmbackbones.apis.identify import identify
from mmbackbones.backbones import VAN
from mmbackbones.weights import load_pretrained
from mmbackbones.weights.families.van import rename_van_key
from tests.helpers.official_states import load_reference, van_state
from tests.helpers.reference import assert_features_equal, image
from tests.helpers.van_layouts import LAYOUTS

REFERENCE = load_reference('van')


@pytest.fixture(scope='module')
def b0():
    return van_state('b0')


@pytest.mark.parametrize('prefix', [None, 'backbone.'])
@pytest.mark.parametrize('layout', LAYOUTS)
def test_layouts(b0, layout, prefix, tmp_path):
    """All layouts hold the same weights under other keys; below a prefix, too, as in a whole model's file."""
    state = LAYOUTS[layout](b0)
    if prefix:
        state = {key if key.startswith(prefix) else prefix + key: value for key, value in state.items()}
    torch.save(dict(state_dict=state), tmp_path / 'van.pth')
    with torch.device('meta'):
        model = VAN('b0').to_empty(device='cpu')
    load_pretrained(model, str(tmp_path / 'van.pth'), prefix or '')
    theirs = {rename_van_key(key): value for key, value in b0.items()}
    assert all(torch.equal(value, theirs[key]) for key, value in model.state_dict().items())
    found = identify(str(tmp_path / 'van.pth'))
    assert (found.config, found.layout, found.num_classes) == (dict(type='VAN', arch='tiny'), layout, 1000)


@pytest.mark.parametrize('arch', ['b0', 'b2'])
def test_equals_the_authors_network(arch, tmp_path):
    torch.save({'state_dict': van_state(arch)}, tmp_path / 'van.pth.tar')
    model = VAN(arch, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'van.pth.tar')))
    model.init_weights()
    assert sum(param.numel() for param in model.parameters()) == REFERENCE[arch]['n_params_without_head']
    x = image(REFERENCE[arch]['seed'], REFERENCE[arch]['input_shape'])
    with torch.no_grad():
        outs = model.double().eval()(x.double())
    assert_features_equal(outs, REFERENCE[arch]['features'])


def test_a_map_alone_equals_the_same_map_of_the_whole(tmp_path):
    torch.save(van_state('b0'), tmp_path / 'van.pth')
    model = VAN('b0', out_indices=(2,), init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'van.pth')))
    model.init_weights()
    stored = REFERENCE['b0']
    with torch.no_grad():
        outs = model.double().eval()(image(stored['seed'], stored['input_shape']).double())
    assert_features_equal(outs, {'feat3': stored['features']['feat3']})


@pytest.mark.parametrize(
    ('arch', 'millions'),
    [('tiny', 4.11), ('small', 13.86), ('base', 26.58), ('large', 44.77), ('b4', 60.28), ('b5', 89.97), ('b6', 199.83)],
)
def test_published_parameter_counts(arch, millions):
    """VAN, Table 5, to two digits as the layer shapes give them; they count the classifier of 1000 classes."""
    with torch.device('meta'):
        model = VAN(arch)
    count = sum(param.numel() for param in model.parameters()) + 1000 * (model.out_channels[-1] + 1)
    assert round(count / 1e6, 2) == millions


@pytest.mark.parametrize('names', ['tiny t b0', 'small s b1', 'base b b2', 'large l b3'])
def test_names_of_one_arch(names):
    first, *others = (VAN.arch_zoo[name] for name in names.split())
    assert others == [first, first]


def test_maps_are_computed_in_channels_last():
    for out in VAN('b0').eval().pyramid(torch.zeros(1, 3, 64, 64).contiguous(memory_format=torch.channels_last)):
        assert out.is_contiguous(memory_format=torch.channels_last)
