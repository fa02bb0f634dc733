"""Loading of a file's weights into a network, and the message about those that do not fit."""

import pytest
import torch
from torch import nn

from mmbackbones.errors import UserError
from mmbackbones.weights import load_pretrained, read_state_dict, trained_classes
from mmbackbones.weights.loading import can_load, describe_incompatible_keys, is_needed, rename_keys
from mmbackbones.weights.state_dict import printable_key


class Network(nn.Module):
    """A norm and a linear layer, which the authors call ``bn`` and ``linear``."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.fc = nn.Linear(3, 2)

    def rename_key(self, key: str) -> str | None:
        return None if key.startswith('unused.') else key.replace('bn.', 'norm.').replace('linear.', 'fc.')

    def is_ignored_key(self, key: str) -> bool:
        return key.startswith('head.')


def theirs(network: Network) -> dict:
    return {key.replace('norm.', 'bn.').replace('fc.', 'linear.'): value for key, value in network.state_dict().items()}


def test_rename_keys():
    network = Network()
    given = {**theirs(network), 'unused.weight': torch.ones(1), 'head.weight': torch.ones(1)}
    renamed = rename_keys(given, network)
    assert renamed.keys() == network.state_dict().keys()
    assert all(renamed[key] is given[key.replace('norm.', 'bn.').replace('fc.', 'linear.')] for key in renamed)


def test_load_pretrained(tmp_path, logged):
    messages = logged('mmbackbones.weights.loading')
    source, network = Network(), Network()
    state = {f'model.backbone.{key}': value for key, value in theirs(source).items()}
    del state['model.backbone.bn.num_batches_tracked']
    torch.save(dict(state_dict={**state, 'model.neck.weight': torch.ones(1)}), tmp_path / 'file.pth')
    load_pretrained(network, tmp_path / 'file.pth', prefix='model.backbone')
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in network.state_dict().items())
    assert messages == [f'Network: loaded 6 of 7 keys from {tmp_path / "file.pth"}']
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(UserError, match=r'file.pth does not fit Network \(0 of 7 keys fit; 6 missing: norm.weight, '):
        load_pretrained(network, tmp_path / 'file.pth')
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_read_state_dict(tmp_path):
    torch.save(dict(model={'a.b': torch.ones(1), 'a.c.d': torch.ones(2), 'ab': torch.ones(3)}), tmp_path / 'file.pth')
    assert read_state_dict(tmp_path / 'file.pth').keys() == {'a.b', 'a.c.d', 'ab'}
    assert read_state_dict(str(tmp_path / 'file.pth'), 'a').keys() == {'b', 'c.d'}
    assert read_state_dict(tmp_path / 'file.pth', 'a.c.').keys() == {'d'}
    with pytest.raises(UserError, match=r'file.pth has no key that starts with "b\."'):
        read_state_dict(tmp_path / 'file.pth', 'b')
    with pytest.raises(UserError, match='5 is no checkpoint: give a file, a URL or a short name'):
        read_state_dict(5)


@pytest.mark.parametrize(
    ('expected', 'given', 'fits'),
    [
        (torch.ones(2), torch.ones(2), True),
        (torch.ones(2), torch.ones(2).half(), True),
        (torch.ones(2), torch.ones(2, 1), False),
        (torch.ones(2), torch.ones(2).long(), False),
        (torch.ones(2).long(), torch.ones(2).int(), True),
        (torch.ones(2).long(), torch.ones(2), True),
    ],
)
def test_can_load(expected, given, fits):
    assert can_load(expected, given) is fits


def test_only_batch_counts_may_be_missing():
    assert [key for key in Network().state_dict() if not is_needed(key)] == ['norm.num_batches_tracked']


def test_describe_incompatible_keys():
    expected = Network().state_dict()
    assert describe_incompatible_keys(expected, expected) == ''
    given = {key: value for key, value in expected.items() if key not in ('norm.weight', 'norm.num_batches_tracked')}
    given |= {'fc.weight': torch.ones(3, 3), 'fc.bias': torch.ones(2).long(), 'x': torch.ones(1)}
    assert describe_incompatible_keys(expected, given) == (
        '3 of 7 keys fit; 1 missing: norm.weight; 1 unexpected: x; '
        '1 of another shape: fc.weight (3x3 in the file, 2x3 here); 1 of integers for real numbers: fc.bias'
    )
    assert describe_incompatible_keys(expected, {}).endswith(
        '6 missing: norm.weight, norm.bias, norm.running_mean and 3 more'
    )


def test_printable_key():
    assert printable_key('a.b') == 'a.b'
    assert printable_key('a\x1b[31m') == r'a\x1b[31m'
    assert printable_key('a' * 101) == f'{"a" * 100}...'


@pytest.mark.parametrize(
    ('classes', 'expected'),
    [
        (('cat', 'dog'), ('cat', 'dog')),
        (['cat'], ('cat',)),
        ((), None),
        (None, None),
        ('cat', None),
        ((1, 2), None),
    ],
)
def test_trained_classes(classes, expected):
    assert trained_classes(dict(meta=dict(dataset_meta=dict(classes=classes)))) == expected
    assert trained_classes(dict(meta=[])) is trained_classes(None) is None


def test_classes_of_mmdetection_2():
    meta = dict(CLASSES=('cat', 'dog'), config='model = 1')
    assert trained_classes(dict(meta=meta)) == ('cat', 'dog')
    assert trained_classes(dict(meta={**meta, 'dataset_meta': dict(classes=['owl'])})) == ('owl',)
    assert trained_classes(dict(meta=dict(CLASSES=None))) is None
