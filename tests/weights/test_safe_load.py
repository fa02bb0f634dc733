"""Checkpoints are read without running what is in them."""
import argparse
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner.checkpoint import CheckpointLoader

from mmbackbones.errors import UserError
from mmbackbones.weights import find_state_dict, load_from_file


class Attack:
    """Pickles as a call of `function`."""

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
    content = dict(state_dict={'weight': torch.ones(2)}, message_hub=hub.state_dict(), args=argparse.Namespace(lr=0.1),
                   scores=np.arange(3.0), flag=np.bool_(True), best=np.float64(0.5))
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
            for part in (0x1950a86a20f9469cfc6c, 1001, {}):
                pickle.dump(part, file, protocol=2)
            file.write(text)
            pickle.dump([], file, protocol=2)
        assert load_from_file(path)['value'] == 0.5


@pytest.mark.parametrize('attack', [
    Attack(os.system, 'touch PWNED'),
    Attack(eval, "open('PWNED', 'w')"),
    Attack(getattr, argparse.Namespace, '__init__'),
    Attack(getattr, HistoryBuffer, '__init__'),
    Attack(getattr, HistoryBuffer([1.0], [1]), 'mean'),
])
def test_runs_nothing(tmp_path, monkeypatch, attack):
    monkeypatch.chdir(tmp_path)
    path = saved('attack.pth', dict(state_dict={'weight': torch.ones(2)}, extra=attack))
    with pytest.raises(UserError, match='attack.pth'):
        CheckpointLoader.load_checkpoint(path, 'cpu')
    assert not (tmp_path / 'PWNED').exists()


def test_names_what_it_refused(tmp_path):
    path = saved(tmp_path / 'attack.pth', Attack(os.system, 'true'))
    with pytest.raises(UserError, match=r'it holds \w+\.system, and loading that could run code'):
        load_from_file(path)


@pytest.mark.parametrize('content', [
    b'', b'<!DOCTYPE html><html><body>404</body></html>', b'version https://git-lfs.github.com/spec/v1\noid sha256:0'])
def test_a_file_that_is_no_checkpoint(tmp_path, content):
    (tmp_path / 'page.pth').write_bytes(content)
    with pytest.raises(UserError, match='page.pth'):
        load_from_file(tmp_path / 'page.pth')


@pytest.mark.parametrize('share', [0.1, 0.5, 0.99])
def test_a_truncated_file(tmp_path, share):
    path = saved(tmp_path / 'whole.pth', {'weight': torch.randn(1000)})
    whole = Path(path).read_bytes()
    (tmp_path / 'part.pth').write_bytes(whole[:int(len(whole) * share)])
    with pytest.raises(UserError, match='part.pth'):
        load_from_file(tmp_path / 'part.pth')


def test_missing_file_and_unreachable_address(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with pytest.raises(UserError, match='none.pth does not exist'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'none.pth'))
    with pytest.raises(UserError, match=r'cannot be fetched .*put it at .*none\.pth'):
        CheckpointLoader.load_checkpoint('http://127.0.0.1:9/none.pth')
    assert not (tmp_path / 'hub' / 'checkpoints' / 'none.pth').exists()


def test_a_url_is_read_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    (tmp_path / 'hub' / 'checkpoints').mkdir(parents=True)
    saved(tmp_path / 'hub' / 'checkpoints' / 'van.pth', {'weight': torch.ones(1)})
    assert CheckpointLoader.load_checkpoint('https://example.com/files/van.pth?download=true')['weight'] == 1


@pytest.mark.parametrize('content', [[1, 2], {'epoch': 3}, {'state_dict': {}}, torch.ones(1)])
def test_no_weights_in_it(content):
    with pytest.raises(UserError, match='weights'):
        find_state_dict(content)
