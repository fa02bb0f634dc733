"""Backbones and checkpoints by name."""

import pytest
import torch
from mmengine.registry import MODELS

from mmbackbones.apis import create_backbone, list_backbones, list_checkpoints
from mmbackbones.apis.create_backbone import backbone_name
from mmbackbones.errors import UserError
from mmbackbones.weights import RELEASES
from tests.helpers.small_backbones import name_small_arch, registered

SLUGS = dict(DualViT='dualvit', HATNet='hatnet', TransCNN='transcnn', VAN='van')


@pytest.fixture
def build(monkeypatch):
    """Calls ``create_backbone``; meanwhile the size `small` of the family is small."""

    def build_small(family='VAN', **kwargs):
        name_small_arch(monkeypatch, family)
        torch.manual_seed(0)
        return create_backbone(f'{SLUGS[family]}-small', **kwargs)

    return build_small


def assert_same(network, state) -> None:
    assert network.state_dict().keys() == state.keys()
    assert [key for key, value in network.state_dict().items() if not torch.equal(value, state[key])] == []


def test_names_go_by_family_and_size():
    names = list_backbones()
    assert names[:7] == ['dualvit-s', 'dualvit-b', 'dualvit-l', 'hatnet-t', 'hatnet-s', 'hatnet-m', 'hatnet-l']
    assert list_backbones('van-*') == [f'van-b{size}' for size in range(7)]
    assert list_backbones('sasa-*') == ['sasa-r26', 'sasa-r38', 'sasa-r50']
    assert list_backbones('transcnn-p*') == ['transcnn-paper-small', 'transcnn-paper-base']
    assert list_backbones('resnet*') == []
    assert len(set(names)) == len(names)
    assert {MODELS.get(name).__module__.rpartition('.')[2] for name in registered()} == {
        name.partition('-')[0] for name in names
    }


def test_every_release_is_of_a_listed_network():
    assert list_checkpoints() == list(RELEASES)
    assert list_checkpoints('*-22k') == ['van-b4-22k', 'van-b5-22k', 'van-b6-22k']
    assert {backbone_name(release.family, release.arch) for release in RELEASES.values()} <= set(list_backbones())


@pytest.mark.parametrize('name', list_backbones())
def test_every_name_is_a_network(name):
    with torch.device('meta'):
        network = create_backbone(name, out_indices=(0,))
    assert isinstance(network, torch.nn.Module)
    assert network.training
    assert network.strides == (4,)


@pytest.mark.parametrize(
    ('alias', 'name'), [('van-t', 'van-b0'), ('van-base', 'van-b2'), ('hatnet-medium', 'hatnet-m')]
)
def test_aliases(alias, name):
    with torch.device('meta'):
        assert create_backbone(alias, out_indices=(0,)).arch is create_backbone(name, out_indices=(0,)).arch


@pytest.mark.parametrize('family', SLUGS)
def test_without_pretraining_the_weights_are_the_papers_initialization(build, family):
    network = build(family, in_channels=4, out_indices=(1, 2))
    torch.manual_seed(0)
    expected = MODELS.build(dict(type=family, arch='small', in_channels=4, out_indices=(1, 2)))
    expected.init_weights()
    assert_same(network, expected.state_dict())
    assert [tuple(map.shape[2:]) for map in network(torch.rand(2, 4, 64, 96))] == [(8, 12), (4, 6)]


def test_nothing_is_logged(build, capsys):
    build()
    assert capsys.readouterr() == ('', '')


def test_weights_of_a_file(build, tmp_path):
    state = build().state_dict()
    torch.save(state, tmp_path / 'backbone.pth')
    whole = {**{f'backbone.{key}': value for key, value in state.items()}, 'neck.weight': torch.zeros(1)}
    torch.save(dict(state_dict=whole), tmp_path / 'epoch_1.pth')
    torch.manual_seed(1)
    for file in ('backbone.pth', 'epoch_1.pth'):
        assert_same(create_backbone('van-small', pretrained=tmp_path / file), state)


def test_released_weights(build, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    state = build('DualViT').state_dict()
    with pytest.raises(UserError, match='dualvit-s must be downloaded manually'):
        create_backbone('dualvit-small', pretrained=True)
    (tmp_path / 'hub/checkpoints').mkdir(parents=True)
    torch.save(state, tmp_path / 'hub/checkpoints/dualvit_s.pth')
    torch.manual_seed(1)
    assert_same(create_backbone('dualvit-small', pretrained=True), state)
    assert_same(create_backbone('dualvit-small', pretrained='dualvit-s'), state)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(name='van_b2'), r"^there is no backbone 'van_b2': did you mean van-b2\?$"),
        (dict(name='Hatnet-S'), r"^there is no backbone 'Hatnet-S': did you mean hatnet-s\?$"),
        (dict(name='van-b7'), r"^there is no backbone 'van-b7': did you mean van-b\d"),
        (dict(name='resnet50'), r"^there is no backbone 'resnet50': there are dualvit-s, .*, van-b6$"),
        (dict(name='sasa-r26', pretrained=True), '^no weights were released for sasa-r26: leave out pretrained, or '),
        (dict(name='transcnn-paper-small', pretrained=True), '^no weights were released for transcnn-paper-small: '),
        (dict(name='van-b5', pretrained=True), '^van-b5-22k must be downloaded manually'),
        (
            dict(name='van-b2', pretrained=True, in_channels=4),
            '^van-b2 was trained on images of 3 channels, not of in_channels=4: leave out pretrained, or in_channels$',
        ),
        (dict(name='van-b2', pretrained='van-b77'), "^'van-b77' is neither a file nor the short name of a released"),
    ],
)
def test_mistakes_are_one_sentence(arguments, message, tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with pytest.raises(UserError, match=message) as error:
        create_backbone(**arguments)
    assert len(str(error.value).splitlines()) == 1


def test_weights_of_another_network_are_refused(build, tmp_path):
    torch.save(build('HATNet').state_dict(), tmp_path / 'hatnet.pth')
    build('VAN')  # which names the small size
    with pytest.raises(UserError, match=r'hatnet.pth does not fit VAN \(\d+ of \d+ keys fit; '):
        create_backbone('van-small', pretrained=tmp_path / 'hatnet.pth')


def test_impossible_options():
    with pytest.raises(ValueError, match='out_indices must be rising stage numbers'):
        create_backbone('van-b0', out_indices=(4,))
    with pytest.raises(TypeError, match='dropout'):
        create_backbone('van-b0', dropout=0.1)
