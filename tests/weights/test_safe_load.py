"""Checkpoints are read without running what is in them."""

import argparse
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from mmbackbones.errors import UserError
from mmbackbones.weights import find_state_dict, load_from_file
from mmbackbones.weights.safe_globals import ALLOWED
from tests.helpers.trusting import trusting


class Attack:
    """An object whose pickle calls `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def saved(path, content):
    torch.save(content, path)
    return str(path)


def test_reads_what_mmengine_and_the_authors_save(tmp_path):
    hub = MessageHub.get_instance('test_safe_load')
    hub.update_scalar('train/loss', 2.0)
    hub.update_scalar('train/loss', np.float32(4.0))
    hub.update_info('seed', np.int64(3))
    content = dict(
        state_dict={'weight': torch.ones(2)},
        message_hub=hub.state_dict(),
        args=argparse.Namespace(lr=0.1),
        scores=np.arange(3.0),
        flag=np.bool_(True),
        best=np.float64(0.5),
    )
    loaded = load_from_file(saved(tmp_path / 'epoch_1.pth', content))
    assert loaded['message_hub']['log_scalars']['train/loss'].mean() == 3.0
    assert loaded['message_hub']['log_scalars']['train/loss'].statistics('max') == 4.0
    assert loaded['args'].lr == 0.1
    assert loaded['scores'].tolist() == [0.0, 1.0, 2.0]
    assert loaded['best'] == 0.5


def test_reads_files_of_either_numpy(tmp_path):
    """NumPy 2 renamed numpy.core to numpy._core, and files name the one that wrote them."""
    content = pickle.dumps(dict(value=np.float64(0.5)), protocol=2)
    old, new = b'numpy.core.multiarray', b'numpy._core.multiarray'
    for name in (old, new):
        text = content.replace(new, old).replace(old, name)
        path = tmp_path / 'legacy.pth'
        with open(path, 'wb') as file:  # the format before zip files: magic number, version, system, object, keys
            for part in (0x1950A86A20F9469CFC6C, 1001, {}):
                pickle.dump(part, file, protocol=2)
            file.write(text)
            pickle.dump([], file, protocol=2)
        assert load_from_file(path)['value'] == 0.5


@pytest.mark.parametrize(
    'attack',
    [
        Attack(os.system, 'touch PWNED'),
        Attack(eval, "open('PWNED', 'w')"),
        Attack(getattr, argparse.Namespace, '__init__'),
        Attack(getattr, HistoryBuffer, '__init__'),
        Attack(getattr, HistoryBuffer([1.0], [1]), 'mean'),
    ],
)
def test_runs_nothing(tmp_path, monkeypatch, attack):
    monkeypatch.chdir(tmp_path)
    path = saved('attack.pth', dict(state_dict={'weight': torch.ones(2)}, extra=attack))
    with pytest.raises(UserError, match='attack.pth'):
        CheckpointLoader.load_checkpoint(path, 'cpu')
    assert not (tmp_path / 'PWNED').exists()


def test_bytes(tmp_path):
    """A pickle writes bytes as text for ``_codecs.encode``, which PyTorch 2.4 does not know."""
    content = dict(raw=bytes(range(256)), none=b'')
    assert load_from_file(saved(tmp_path / 'bytes.pth', content)) == content


class Text(str):
    """Text whose own `encode` would run."""

    def encode(self, *_):
        raise AssertionError('called')


@pytest.mark.parametrize(
    'arguments',
    [
        ('a', 'rot13'),
        ('a', 'hex'),
        (b'a', 'zlib'),
        ('a', 'utf-8'),
        ('a', ['latin1']),
        (b'a', 'latin1'),
        (OrderedDict(), 'latin1'),
        (Text('a'), 'latin1'),
        ('a', 'latin1', 'namereplace'),
        ('a',),
        ('\u0100', 'latin1'),
    ],
)
def test_the_stand_in_for_codecs_knows_latin1_alone(arguments):
    encode = next(f for f in ALLOWED if f.__module__ == '_codecs')
    with pytest.raises((UnpicklingError, TypeError, UnicodeEncodeError)):
        encode(*arguments)
    assert encode('a\xff', 'latin1') == b'a\xff'


def test_names_what_it_refused(tmp_path):
    path = saved(tmp_path / 'attack.pth', Attack(os.system, 'true'))
    with pytest.raises(UserError, match=r'it holds \w+\.system, and loading that could run code'):
        load_from_file(path)


@pytest.mark.parametrize(
    'content',
    [b'', b'<!DOCTYPE html><html><body>404</body></html>', b'version https://git-lfs.github.com/spec/v1\noid sha256:0'],
)
def test_a_file_that_is_not_a_checkpoint(tmp_path, content):
    (tmp_path / 'page.pth').write_bytes(content)
    with pytest.raises(UserError, match='page.pth'):
        load_from_file(tmp_path / 'page.pth')


@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
def test_a_web_page(tmp_path, suffix):
    (tmp_path / f'page.{suffix}').write_text('\n<!DOCTYPE html><html><title>Virus scan warning</title></html>')
    with pytest.raises(UserError, match=rf'page.{suffix} is a web page, not a checkpoint'):
        load_from_file(tmp_path / f'page.{suffix}')


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
def test_a_pickle_that_is_not_a_pytorch_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for protocol in range(6):
        Path('attack.pth').write_bytes(pickle.dumps(Attack(os.system, 'touch PWNED'), protocol))
        with pytest.raises(UserError, match='attack.pth'):
            load_from_file('attack.pth')
    assert not Path('PWNED').exists()


@pytest.mark.parametrize('share', [0.1, 0.5, 0.99])
def test_a_truncated_file(tmp_path, share):
    path = saved(tmp_path / 'whole.pth', {'weight': torch.randn(1000)})
    whole = Path(path).read_bytes()
    (tmp_path / 'part.pth').write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match='part.pth'):
        load_from_file(tmp_path / 'part.pth')


@pytest.mark.parametrize(
    'damage', [lambda whole: whole[:-1], lambda whole: whole[:7], lambda whole: b'', lambda whole: b'\xff' * 16 + whole]
)
def test_safetensors(tmp_path, damage):
    save_file({'weight': torch.ones(2)}, tmp_path / 'whole.safetensors')
    assert load_from_file(tmp_path / 'whole.safetensors')['weight'].sum() == 2
    (tmp_path / 'part.safetensors').write_bytes(damage((tmp_path / 'whole.safetensors').read_bytes()))
    with pytest.raises(UserError, match=r'part.safetensors is damaged or incomplete'):
        load_from_file(tmp_path / 'part.safetensors', map_location='cpu')


def test_missing_file_and_unreachable_url(tmp_path, cache):
    with pytest.raises(UserError, match='none.pth does not exist'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'none.pth'))
    with pytest.raises(UserError, match=r'cannot be downloaded .*put it at .*none\.pth'):
        CheckpointLoader.load_checkpoint('http://127.0.0.1:9/none.pth')
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize('content', [[1, 2], {'epoch': 3}, {'state_dict': {}}, torch.ones(1)])
def test_no_weights_in_it(content):
    with pytest.raises(UserError, match='weights'):
        find_state_dict(content)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('torchvision://none', 'torchvision://none'),
        ('open-mmlab://none', 'there is no checkpoint open-mmlab://none'),
        ('mmcls://none', 'there is no checkpoint mmcls://none'),
        ('s3://bucket/file.pth', 'cannot read s3://bucket/file.pth safely'),
        ('open-mmlab:s3://bucket/file.pth', 'cannot read .*bucket/file.pth safely'),
        ('petrel://bucket/file.pth', 'cannot read petrel://bucket/file.pth safely'),
        ('pavi://model', 'cannot read pavi://model safely: copy the file to this machine'),
    ],
)
def test_other_schemes_of_mmengine(name, message):
    """MMEngine's loaders would unpickle whatever PyTorch's default allows: before PyTorch 2.6, anything."""
    with pytest.raises(UserError, match=message):
        CheckpointLoader.load_checkpoint(name, 'cpu')


def test_reads_an_empty_history(tmp_path):
    loaded = load_from_file(saved(tmp_path / 'epoch_1.pth', dict(log=HistoryBuffer(), array=np.zeros(0))))
    assert len(loaded['array']) == 0
    assert type(loaded['log']) is HistoryBuffer


def test_statistics_of_histories_stay_those_of_mmengine(tmp_path):
    """HistoryBuffer's own ``__setstate__`` adds functions from the file to the statistics that all buffers share."""
    attack = Attack(HistoryBuffer)
    attack.call = (
        HistoryBuffer,
        (),
        dict(
            _log_history=np.ones(2),
            _count_history=np.ones(2),
            max_length=3,
            statistics_methods={'mean': 'nothing', 'new': OrderedDict},
        ),
    )
    before = dict(HistoryBuffer._statistics_methods)
    loaded = load_from_file(saved(tmp_path / 'epoch_1.pth', dict(log=attack)))
    assert HistoryBuffer._statistics_methods == before
    assert loaded['log'].statistics('mean') == 1
    torch.save(loaded, tmp_path / 'again.pth')  # it is a plain HistoryBuffer, which can be saved
    assert load_from_file(tmp_path / 'again.pth')['log'].data[0].tolist() == [1, 1]


def test_the_text_that_mmengine_would_execute_is_left_out(tmp_path):
    path = saved(tmp_path / 'epoch_1.pth', dict(state_dict={'a': torch.ones(1)}, meta=dict(config='1 / 0', epoch=1)))
    assert CheckpointLoader.load_checkpoint(path, 'cpu')['meta'] == dict(epoch=1)


@pytest.mark.parametrize(
    'content',
    [
        dict(state_dict=[1]),
        dict(model={1: torch.ones(1)}),
        {('a',): torch.ones(1)},
        {'a' * 501: torch.ones(1)},
        {'a': torch.eye(2).to_sparse()},
        {'a': torch.ones(2, device='meta')},
        {'a': torch.ones(1).expand(10**7)},
        {'a\x1b[31m': torch.tensor(float('nan'))},
        {'a': torch.tensor([1 + 0j, float('inf')])},
        {'a': torch.tensor([float('nan')]).to(torch.float8_e5m2)},
    ],
)
def test_invalid_weights(content):
    with pytest.raises(UserError, match='file.pth') as error:
        find_state_dict(content, 'file.pth')
    assert str(error.value).isprintable()


def test_valid_weights():
    flat = torch.arange(12.0)
    state = dict(
        part=flat[3:9].view(2, 3),
        turned=flat[:4].view(2, 2).t(),
        none=torch.zeros(0),
        count=torch.tensor(3),
        tied=flat,
        parameter=torch.nn.Parameter(flat),
        half=flat.to(torch.float8_e4m3fn),
    )
    assert find_state_dict(dict(state_dict=state, epoch=3)).keys() == state.keys()


class Settings:
    """A user's own type."""

    rate = 0.1

    def __init__(self, rate: float) -> None:
        self.rate = rate


def test_types_that_the_user_trusts(tmp_path):
    content = dict(state_dict={'a': torch.ones(1)}, settings=Settings(0.5), cfg=ConfigDict(lr=0.1))
    path = saved(tmp_path / 'mine.pth', content)
    with pytest.raises(UserError, match='it holds .*, and loading that could run code; .*add_safe_globals'):
        load_from_file(path)
    with trusting(Settings), pytest.raises(UserError, match='it holds .*ConfigDict'):
        load_from_file(path)
    with trusting(Settings, ConfigDict):
        loaded = load_from_file(path)
    assert loaded['settings'].rate == 0.5
    assert loaded['cfg'] == dict(lr=0.1)


def test_a_file_made_plain_by_its_owner(tmp_path):
    """The other remedy that the message names."""
    path = saved(tmp_path / 'mine.pth', dict(state_dict={'a': torch.ones(1)}, settings=Settings(0.5)))
    with pytest.raises(UserError, match='or read it with torch.load and save its state_dict alone'):
        load_from_file(path)
    torch.save(torch.load(path, weights_only=False)['state_dict'], tmp_path / 'plain.pth')
    assert load_from_file(tmp_path / 'plain.pth') == {'a': torch.ones(1)}


def test_types_of_pytorch_cannot_be_trusted(tmp_path):
    """PyTorch itself registers some of its types, so that nobody can tell which ones the user did."""
    path = saved(tmp_path / 'model.pth', torch.nn.Identity())
    with (
        trusting(torch.nn.Identity, set, OrderedDict),
        pytest.raises(UserError, match='it holds a Identity, which is neither .*; if you trust the file, .*torch.load'),
    ):
        load_from_file(path)
