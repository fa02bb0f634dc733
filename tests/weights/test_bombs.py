"""Checkpoints that are made to take all memory, or time without end, of whoever opens them.

Each is opened in a process of its own under limits, and is refused in a sentence or read in a moment. What a few bytes
would grow to without the check is at least a hundred times as much as each test allows.
"""

import argparse
import collections
import io
import json
import pickle
import struct
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch._tensor import _rebuild_from_type_v2
from torch._utils import _rebuild_device_tensor_from_cpu_tensor, _rebuild_tensor_v2

from mmbackbones.engine.resume import rebuild_checkpoint
from mmbackbones.errors import UserError
from mmbackbones.weights import find_state_dict, load_from_file
from mmbackbones.weights.trained_config import read_trained_config, trained_classes, trained_config
from tests.helpers.limits import limited

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith('linux'), reason='limits and peaks of memory are those of Linux'),
]

SECONDS, MEGABYTES = 10, 250
MANY = list(range(20_000))
LONG = '\xff' * 200_000
NOTHING = {'a': torch.zeros(1)}


class Call:
    """Pickles as a call of `function`, after which the object gets `state`."""

    def __init__(self, function, *arguments, state=None):
        self.call = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.call


def storage(values: int = 4) -> torch.storage.TypedStorage:
    return torch.storage.TypedStorage(
        wrap_storage=torch.zeros(values).untyped_storage(), dtype=torch.float32, _internal=True
    )


def tensor(size, stride) -> Call:
    return Call(_rebuild_tensor_v2, storage(), 0, size, stride, False, collections.OrderedDict())


def laughs(levels: int = 30) -> list:
    node = [0.0] * 10
    for _ in range(levels):
        node = [node] * 10
    return node


def array(shape, dtype, data=b'') -> Call:
    build = np.ndarray(0).__reduce__()[0]
    return Call(build, np.ndarray, (0,), b'b', state=(1, shape, np.dtype(dtype), False, data))


def shared(count: int) -> dict:
    """Tensors that differ, and share the memory of one."""
    memory = torch.zeros(1_000_000)
    return {f'w{i}': memory[i:] for i in range(count)}


def opened(content, write=torch.save):
    """What is said of a file that holds `content`, when it is read in every way that there is."""
    write(content, 'bomb.pth')
    outcome = limited(use, 2 * SECONDS)
    assert outcome.said == 'done' or 'bomb.pth' in outcome.said
    assert outcome.said.isprintable()
    assert len(outcome.said) < 600
    assert outcome.seconds < SECONDS
    assert outcome.megabytes < MEGABYTES
    return outcome.said


def use():
    """Resume, weights, classes, config: what one of them refuses, the others refuse as well, or read harmlessly."""
    checkpoint = load_from_file('bomb.pth', 'cpu')
    refused = None
    for read in (rebuild_checkpoint, find_state_dict, read_trained_config):
        try:
            read(checkpoint, 'bomb.pth')
        except UserError as error:
            refused = refused or error
    trained_classes(checkpoint)
    trained_config(checkpoint)
    if refused:
        raise refused


# What is in the file beside weights -> what is said of it.
CALLS = {
    'a long bytearray': (lambda: Call(bytearray, 10**11), 'it calls builtins.bytearray'),
    'many from a bytearray': (lambda: Call(torch.Size, Call(bytearray, 10**9)), 'it calls builtins.bytearray'),
    'sets of one list': (lambda: [Call(set, MANY) for _ in range(3000)], 'it would grow far beyond its size'),
    'sizes of one list': (lambda: [Call(torch.Size, MANY) for _ in range(3000)], 'it would grow far beyond its size'),
    'counters of one list': (lambda: [Call(collections.Counter, MANY) for _ in range(3000)], 'it would grow far'),
    'a counter of a tensor': (lambda: Call(collections.Counter, tensor((10**9,), (0,))), 'it calls collections.Count'),
    'copies of a text': (lambda: [Call(bytearray, LONG, 'latin1') for _ in range(5000)], 'it would grow far'),
    'copies of attributes': (
        lambda: [Call(argparse.Namespace, state=attributes) for attributes in [dict.fromkeys(map(str, MANY))] * 1000],
        'it would grow far',
    ),
    'copies of an array': (
        lambda: [Call(HistoryBuffer, state=state) for state in [histories(10_000)] * 3000],
        'it would grow far',
    ),
    'an array': (lambda: Call(np.ndarray, (10**6, 10**6)), 'it calls numpy.ndarray'),
    'an array to be filled': (
        lambda: Call(np.ndarray(0).__reduce__()[0], np.ndarray, (10**6, 10**5), b'b'),
        '_reconstruct as no file that was saved does',
    ),
    'an array over little memory': (lambda: Call(np.ndarray, (10**9,), 'i8', bytes(8), 0, (0,)), 'numpy.ndarray'),
    'an array of nothing': (lambda: array((10**9,), 'S0'), 'array of 1000000000 values without any memory'),
    'a dtype of many values': (lambda: Call(np.dtype, '(100000,100000)f8'), 'it calls numpy.dtype'),
    'a tensor': (lambda: Call(torch.Tensor, 10**6, 10**6), 'it calls torch.Tensor'),
    'a storage': (lambda: Call(torch.UntypedStorage, 10**12), 'it calls torch.storage.UntypedStorage'),
    'a tensor that is filled': (
        lambda: Call(_rebuild_device_tensor_from_cpu_tensor, tensor((10**12,), (0,)), torch.float64, 'cpu', False),
        '_rebuild_device_tensor_from_cpu_tensor as no file',
    ),
    'a call in a call': (
        lambda: Call(_rebuild_from_type_v2, bytearray, torch.Tensor, (10**11,), {}),
        'it calls builtins.bytearray as no file',
    ),
    'calls in calls': (
        lambda: Call(
            _rebuild_from_type_v2,
            _rebuild_from_type_v2,
            torch.Tensor,
            (torch.Tensor, torch.Tensor, (10**6,) * 2, {}),
            {},
        ),
        'it calls torch.Tensor as no file',
    ),
    'a tensor of many sides': (lambda: tensor((1,) * 50_000, (1,) * 50_000), 'it has a tensor of 50000 sides'),
    'a repeated tensor': (lambda: tensor((10**9, 10**3), (0, 0)), 'claims 1000000000000 values'),
    'windows of a tensor': (lambda: torch.zeros(10**5).unfold(0, 5 * 10**4, 1), 'values, more than are in the file'),
}


def histories(length: int) -> dict:
    return dict(_log_history=np.ones(length), _count_history=np.ones(length))


@pytest.mark.parametrize('name', CALLS)
def test_calls_and_tensors(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, message = CALLS[name]
    assert message in opened(dict(state_dict=NOTHING, extra=make()))
    assert Path('bomb.pth').stat().st_size < 10 << 20


def with_pickle(body: bytes, path: str) -> None:
    """Write a file of ``torch.save`` with another pickle."""
    whole = io.BytesIO()
    torch.save(NOTHING, whole)
    with zipfile.ZipFile(whole) as given, zipfile.ZipFile(path, 'w') as file:
        for name in given.namelist():
            file.writestr(name, b'\x80\x02' + body + b'.' if name.endswith('data.pkl') else given.read(name))


def wholes(count: int) -> list[bytes]:
    """Whole numbers that all have the same hash."""
    coded = (pickle.encode_long(number * sys.hash_info.modulus) for number in range(1, count))
    return [b'\x8a' + bytes([len(number)]) + number for number in coded]


def named(kind: bytes, count: int, key: bytes = b'0') -> bytes:
    """A storage of the file."""
    names = [b'X' + struct.pack('<I', len(text)) + text for text in (b'storage', key, b'cpu')]
    return b'(' + names[0] + b'c' + kind + b'\n' + names[1] + names[2] + b'J' + struct.pack('<i', count) + b'tQ'


DOUBLED = b'K\x01K\x02\x86' + b'q\x01h\x01\x86' * 60  # a tuple of 2^60 values
PICKLES = {
    'a key without end': (b'}' + DOUBLED + b'K\x01s', 'it has keys that are no text'),
    'a set without end': (b'c__builtin__\nset\n]' + DOUBLED + b'a\x85R', 'it would grow far beyond its size'),
    'equal hashes': (b'}(' + b''.join(number + b'N' for number in wholes(30_000)) + b'u', 'keys that are no text'),
    'a set of equal hashes': (b'c__builtin__\nset\n](' + b''.join(wholes(30_000)) + b'e\x85R', 'keys that are no text'),
    'long tuples as keys': (b'}(' + b'(' + b'K\x01' * 2000 + b'tN' + b'u', 'keys that are no text'),
    'a storage that is larger': (named(b'torch\nFloatStorage', 2**30), 'has another size than the file says'),
    'a storage of other numbers': (named(b'torch\nDoubleStorage', 1), 'has another size than the file says'),
    'a storage that is not there': (named(b'torch\nFloatStorage', 1, b'9'), 'has another size than the file says'),
    'a storage of nothing': (named(b'torch\nStringStorage', 1), 'it is damaged or incomplete'),
    'a negative storage': (named(b'torch\nFloatStorage', -1), 'names a storage as torch.save does not'),
    'a list as a table': (b'](K\x01K\x02u', 'adds values to what is no dict'),  # PyTorch < 2.10 writes anywhere
    'a table as a list': (b'}K\x01a', 'adds values to what is no list'),
    'an empty stack': (b'R', 'it is damaged or incomplete'),
    'a memo of nothing': (b'h\x05', 'it is damaged or incomplete'),
    'another protocol': (b'\x95' + bytes(8), 'is written with FRAME'),
    'numbers of any length': (b'\x8b' + struct.pack('<i', 10**6) + bytes(10**6), 'is written with LONG4'),
    'a text that is longer than the file': (
        b'X' + struct.pack('<I', 2**32 - 1) + b'abc',
        'it is damaged or incomplete',
    ),
    'bytes that are longer than the file': (b'\x8e' + struct.pack('<Q', 2**62) + b'abc', 'it is damaged or incomplete'),
    'deep': (b']q\x00' + b']' * 20_000 + b'a' * 20_000, 'nested more than 100 levels deep'),
}


@pytest.mark.parametrize('name', PICKLES)
def test_pickles(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    body, message = PICKLES[name]
    assert message in opened(body, with_pickle)


def test_a_storage_of_an_old_file_that_is_larger(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(content, path):
        torch.save(content, path, _use_new_zipfile_serialization=False)
        whole = Path(path).read_bytes()
        assert load_from_file(path)['weight'].tolist() == [0.0] * 200
        changed = whole.replace(b'K\xc8N', b'J\xff\xff\xff\x7fN')
        assert changed != whole
        Path(path).write_bytes(changed)

    assert 'its storages are larger than the file' in opened({'weight': torch.zeros(200)}, write)


LARGER = {
    'a tensor': lambda: tensor((10**10,), (1,)),
    'its steps': lambda: tensor((2,), (10**10,)),
    'its place': lambda: Call(_rebuild_tensor_v2, storage(), 10**10, (1,), (1,), False, collections.OrderedDict()),
    'another memory': lambda: Call(torch.Tensor, state=(storage(), 0, (10**10,), (1,))),
    'another size': lambda: Call(torch.Tensor, state=(storage(), 0, Call(torch.Size, [10**10]), (1,))),
}


@pytest.mark.parametrize('name', LARGER)
@pytest.mark.parametrize('is_old', [False, True])
def test_tensors_that_are_larger_than_their_storage(name, is_old, tmp_path, monkeypatch):
    """That of an old file would grow."""
    monkeypatch.chdir(tmp_path)
    content = dict(state_dict=NOTHING, extra=LARGER[name]())
    said = opened(content, lambda *args: torch.save(*args, _use_new_zipfile_serialization=not is_old))
    assert 'it has a tensor' in said


def test_what_saved_files_hold(tmp_path):
    for is_new in (False, True):
        mask = torch.arange(3.0).expand(100, 3)
        content = dict(state_dict={'mask': mask}, bytes=bytearray(b'x\xff' * 99))
        torch.save(content, tmp_path / 'a.pth', _use_new_zipfile_serialization=is_new)
        loaded = load_from_file(tmp_path / 'a.pth')
        assert loaded['bytes'] == content['bytes']
        assert torch.equal(find_state_dict(loaded)['mask'], mask)
        assert find_state_dict(loaded)['mask'].is_contiguous()


@pytest.mark.parametrize('value', [b'X' + struct.pack('<I', 2**32 - 1), b'\x8e' + struct.pack('<Q', 2**34)])
def test_a_value_of_an_old_file_that_is_longer(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = opened(b'\x80\x02' + value + b'abc', lambda content, path: Path(path).write_bytes(content))
    assert 'it is damaged or incomplete' in said


@pytest.mark.parametrize('place', ['state_dict', 'optimizer'])
def test_tensors_that_share_their_memory(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert 'its tensors share their memory' in opened({'state_dict': NOTHING, place: shared(1000)})


def test_one_tensor_under_several_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert 'no training run to resume' in opened(dict(state_dict=shared(12)))
    assert load_from_file('bomb.pth')['state_dict'].keys() == shared(12).keys()


PLACES = ['meta', 'state_dict', 'optimizer', 'param_schedulers', 'message_hub', 'record', 'results', 'ema_state_dict']
META = ['seed', 'cfg', 'dataset_meta', 'CLASSES', 'settings', 'run_id', 'experiment_name', 'epoch_length']


def test_lists_without_end_in_every_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def use_all():
        for place in PLACES + META:
            content = dict(state_dict=NOTHING, meta=dict(epoch=1, iter=1))
            if place in META:
                content['meta'][place] = {'classes': laughs()} if place == 'dataset_meta' else laughs()
            else:
                content[place] = laughs()
            torch.save(content, 'bomb.pth')
            with suppress(UserError):
                use()

    outcome = limited(use_all, 2 * SECONDS)
    assert outcome.said == 'done'
    assert outcome.seconds < SECONDS
    assert outcome.megabytes < MEGABYTES


TEXTS = {
    'parentheses': 'a = ' + '(' * 15_000,
    'lists': 'a = ' + '[' * 8_000 + ']' * 8_000,
    'signs': 'a = ' + '-' * 15_000 + '1',
    'a long number': 'a = ' + '9' * 15_000,
    'a power': 'a = 9**9**9**9',
    'a product': 'a = [0] * 10**12',
    'a long text': 'a = "' + 'x' * 15_000 + '"',
    'short texts': 'a = ' + '"" ' * 15_000,
    'a text of lines': 'a = """' + '\n' * 15_000 + '"""',
    'an open text': 'a = """' + '\n' * 15_000,
    'continued lines': 'a = ' + '\\\n' * 8_000 + '1',
    'many lines': 'a=1\n' * 4_000,
    'many statements': 'a=1;' * 4_000,
    'wrong lines': 'a b\n' * 4_000,
    'many names': '\n'.join(f'a{number} = 1' for number in range(6_000)),
    'one name': 'a' * 15_000 + ' = 1',
    'deeper and deeper': '\n'.join(' ' * number + 'if 1:' for number in range(200)),
    'deep calls': 'a = ' + 'dict(a=' * 8_000,
    'escapes': 'a = "' + '\\N{BEL}' * 8_000 + '"',
    'marks': 'a = "' + '\u0301' * 15_000 + '"',
    'too long': 'a = 1\n' * 400_000,
}


def test_texts_of_a_config():
    def read_all():
        for name, text in TEXTS.items():
            checkpoint, start = dict(meta=dict(cfg=text)), time.process_time()
            trained_config(checkpoint)
            said = 'done'
            try:
                read_trained_config(checkpoint, 'bomb.pth')
            except UserError as error:
                said = str(error)
            assert said == 'done' or said.startswith('the config in bomb.pth is not read'), name
            assert said.isprintable(), name
            assert len(said) < 300, name
            assert time.process_time() - start < SECONDS / 4, name

    outcome = limited(read_all, 3 * SECONDS)
    assert outcome.said == 'done'
    assert outcome.megabytes < MEGABYTES


def safetensors(header: bytes, data: bytes = b'', length: int | None = None) -> bytes:
    return struct.pack('<Q', len(header) if length is None else length) + header + data


def entry(shape, offsets, dtype='F32') -> bytes:
    return json.dumps({'a': dict(dtype=dtype, shape=shape, data_offsets=offsets)}).encode()


SAFETENSORS = {
    'a long header': safetensors(b'{}', length=2**60),
    'a header as long as the file': safetensors(b'{' + b' ' * 1000, length=1009),
    'a deep header': safetensors(b'{"a":' * 100_000),
    'a large shape': safetensors(entry([2**40, 2**40], [0, 4]), bytes(4)),
    'a large product': safetensors(entry([2**32, 2**32], [0, 0])),
    'large offsets': safetensors(entry([1], [2**63, 2**63 + 4]), bytes(4)),
    'offsets beyond': safetensors(entry([10**9], [0, 4 * 10**9]), bytes(4)),
    'offsets in reverse': safetensors(entry([1], [4, 0]), bytes(4)),
    'a negative shape': safetensors(entry([-1], [0, 4]), bytes(4)),
    'many sides': safetensors(entry([1] * 100_000, [0, 4]), bytes(4)),
    'no type': safetensors(entry([1], [0, 4], 'X99'), bytes(4)),
    'one memory for all': safetensors(
        json.dumps({key: dict(dtype='F32', shape=[100], data_offsets=[0, 400]) for key in map(str, MANY)}).encode(),
        bytes(400),
    ),
}


@pytest.mark.parametrize('name', SAFETENSORS)
def test_safetensors(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    opened(SAFETENSORS[name], lambda content, path: Path(path).write_bytes(content))


def zeros(size: int) -> bytes:
    """A zip file of zeros, a thousandth as large."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive, archive.open('bomb/data.pkl', 'w') as entry:
        for _ in range(size >> 20):
            entry.write(bytes(1 << 20))
    return file.getvalue()


def many_entries(count: int) -> bytes:
    file = io.BytesIO()
    torch.save(NOTHING, file)
    with zipfile.ZipFile(file, 'a') as archive:
        root = archive.namelist()[0].partition('/')[0]
        for number in range(count):
            archive.writestr(f'{root}/data/x{number}', b'')
    return file.getvalue()


def claims(place: int, value: int) -> bytes:
    """A file of ``torch.save`` that says of its last entry, `place` bytes into the directory's line, a large number."""
    file = io.BytesIO()
    torch.save(NOTHING, file)
    whole = bytearray(file.getvalue())
    start = whole.rindex(b'PK\x01\x02') + place
    whole[start : start + 4] = struct.pack('<I', value)
    return bytes(whole)


ZIPS = {
    'compressed zeros': lambda: zeros(20 << 20),
    'many entries': lambda: many_entries(2_000),
    'a large size': lambda: claims(24, 2**31),
    'a large packed size': lambda: claims(20, 2**31),
    'a size of another field': lambda: claims(24, 2**32 - 1),
    'a place beyond the end': lambda: claims(42, 2**31),
    'the place of another entry': lambda: claims(42, 0),
}


@pytest.mark.parametrize('name', ZIPS)
def test_zip_files(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = opened(ZIPS[name](), lambda content, path: Path(path).write_bytes(content))
    assert name == 'many entries' or 'bomb.pth' in said
