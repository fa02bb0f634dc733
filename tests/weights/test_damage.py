"""Flipped bits and other damage: a file is refused, or read as it was written."""

import io
import random
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mmbackbones.errors import UserError
from mmbackbones.weights import load_from_file
from mmbackbones.weights.safetensors_file import write_safetensors

WEIGHTS = {'stem.weight': torch.arange(600.0).sqrt().view(20, 30), 'steps': torch.arange(7)}
META = dict(epoch=3, note='a note', classes=('cat', 'dog'))


def flipped(whole: bytes, bit: int) -> bytes:
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def refused_or_equal(path, meta) -> bool:
    """Whether a file is refused; if it is read, it must hold what was written."""
    try:
        loaded = load_from_file(path)
    except UserError:
        return True
    if meta:
        assert loaded.pop('meta') == META
        loaded = loaded.pop('state_dict')
    assert loaded.keys() == WEIGHTS.keys()
    assert all(torch.equal(loaded[key], value) and loaded[key].dtype == value.dtype for key, value in WEIGHTS.items())
    return False


@pytest.mark.parametrize('part', ['anywhere', 'directory'])
def test_single_bit_flips_of_a_pth(tmp_path, part):
    torch.save(dict(state_dict=WEIGHTS, meta=META), tmp_path / 'whole.pth')
    whole = (tmp_path / 'whole.pth').read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        first = 8 * archive.start_dir if part == 'directory' else 0
    draw = random.Random(0)
    refused = 0
    for _ in range(200):
        (tmp_path / 'flipped.pth').write_bytes(flipped(whole, draw.randrange(first, 8 * len(whole))))
        refused += refused_or_equal(tmp_path / 'flipped.pth', meta=True)
    assert 50 < refused < 200  # some bits, such as those of the padding, mean nothing


def test_an_entry_that_became_a_folder(tmp_path):
    """One bit of the directory, with which PyTorch returns uninitialized memory for the weights."""
    torch.save(WEIGHTS, tmp_path / 'whole.pth')
    whole = (tmp_path / 'whole.pth').read_bytes()
    entry = whole.rindex(b'PK\x01\x02', 0, whole.rindex(b'/data/0'))
    (tmp_path / 'folder.pth').write_bytes(flipped(whole, 8 * (entry + 38) + 4))
    with pytest.raises(UserError, match=r'folder.pth is damaged: its entry .*/data/0 is not stored'):
        load_from_file(tmp_path / 'folder.pth')


def test_the_message_says_that_a_file_is_damaged(tmp_path):
    torch.save(WEIGHTS, tmp_path / 'whole.pth')
    whole = (tmp_path / 'whole.pth').read_bytes()
    start = whole.index(WEIGHTS['stem.weight'].numpy().tobytes())
    (tmp_path / 'flipped.pth').write_bytes(flipped(whole, 8 * start + 80))
    with pytest.raises(UserError, match=r'flipped.pth is damaged: Bad CRC-32 for file .*; copy or download it again'):
        load_from_file(tmp_path / 'flipped.pth')


def test_single_bit_flips_of_a_safetensors_file_written_here(tmp_path):
    write_safetensors(WEIGHTS, tmp_path / 'whole.safetensors')
    assert load_file(tmp_path / 'whole.safetensors').keys() == WEIGHTS.keys()
    whole = (tmp_path / 'whole.safetensors').read_bytes()
    header = 8 + int.from_bytes(whole[:8], 'little')
    draw = random.Random(0)
    bits = [draw.randrange(8 * header) for _ in range(300)] + [draw.randrange(8 * len(whole)) for _ in range(200)]
    refused = 0
    for bit in bits:
        (tmp_path / 'flipped.safetensors').write_bytes(flipped(whole, bit))
        refused += refused_or_equal(tmp_path / 'flipped.safetensors', meta=False)
    assert refused > 400


@pytest.mark.parametrize(
    'weights',
    [
        {},
        {'one': torch.tensor(1.0)},
        {'none': torch.zeros(0, 3)},
        {'half': torch.ones(3, dtype=torch.bfloat16), 'no': torch.tensor([True])},
    ],
)
def test_the_digest_covers_any_tensors(tmp_path, weights):
    write_safetensors(weights, tmp_path / 'weights.safetensors')
    loaded = load_from_file(tmp_path / 'weights.safetensors')
    assert loaded.keys() == weights.keys()
    assert all(torch.equal(loaded[key], value) for key, value in weights.items())


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors', '.bin', ''])
def test_contents_decide_the_format_of_a_file(tmp_path, suffix):
    """Each kind of file is read under any name."""
    path = tmp_path / f'weights{suffix}'
    for write in (
        lambda: save_file(WEIGHTS, path),
        lambda: torch.save(WEIGHTS, path),
        lambda: torch.save(WEIGHTS, path, _use_new_zipfile_serialization=False),
    ):
        write()
        assert refused_or_equal(path, meta=False) is False


def rezip(path: Path, change) -> None:
    """Rewrite an archive with other entries: `change` maps (name, content) pairs to new ones and zipfile's options."""
    with zipfile.ZipFile(path) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    entries, settings = change(entries)
    with zipfile.ZipFile(path, 'w', **settings) as archive:
        for name, content in entries:
            archive.writestr(name, content)


@pytest.mark.filterwarnings('ignore:Duplicate name')
@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda entries: (entries, dict(compression=zipfile.ZIP_DEFLATED)), 'is damaged: its entry .* is not stored'),
        (
            lambda entries: ([*entries, ('weights/bomb', bytes(10**7))], dict(compression=zipfile.ZIP_DEFLATED)),
            'is damaged: its entries overlap',
        ),
        (lambda entries: (entries + entries[-1:], {}), 'is damaged: its entries overlap'),
        (lambda entries: ([('notes.txt', b'hello')], {}), 'is a zip file, but not a checkpoint'),
        (
            lambda entries: ([*entries, ('weights/constants.pkl', b'')], {}),
            'is a TorchScript program, not a checkpoint',
        ),
    ],
)
def test_other_archives(tmp_path, change, message):
    path = tmp_path / 'weights.pth'
    torch.save(WEIGHTS, path)
    rezip(path, change)
    with pytest.raises(UserError, match=message):
        load_from_file(path)


def test_a_rewritten_archive_is_read(tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(WEIGHTS, path)
    rezip(path, lambda entries: (entries, {}))
    assert refused_or_equal(path, meta=False) is False


@pytest.mark.parametrize('name', ['../../outside', '/tmp/outside_of_an_archive', 'weights/../../../outside'])
def test_entries_are_not_unpacked(tmp_path, name):
    path = tmp_path / 'a' / 'b' / 'weights.pth'
    path.parent.mkdir(parents=True)
    torch.save(WEIGHTS, path)
    rezip(path, lambda entries: ([*entries, (name, b'x')], {}))
    refused_or_equal(path, meta=False)
    assert [file for file in tmp_path.rglob('*') if file.is_file()] == [path]
    assert not Path('/tmp/outside_of_an_archive').exists()


def test_a_torchscript_program(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / 'program.pth')
    with pytest.raises(UserError, match='is a TorchScript program, not a checkpoint: loading it could run code'):
        load_from_file(tmp_path / 'program.pth')


def test_a_program_behind_the_directory_of_a_checkpoint(tmp_path):
    """Python's zip reader takes the last directory of a file; PyTorch's takes the one that is pointed to."""
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / 'program.pth')
    torch.save(WEIGHTS, tmp_path / 'weights.pth')
    program, weights = ((tmp_path / name).read_bytes() for name in ('program.pth', 'weights.pth'))
    pointer = weights.rindex(b'PK\x06\x07') + 8
    directory = struct.pack('<Q', program.rindex(b'PK\x06\x06'))
    both = tmp_path / 'both.pth'
    both.write_bytes(program + weights[:pointer] + directory + weights[pointer + 8 :])
    with zipfile.ZipFile(both) as archive:
        assert 'weights/data.pkl' in archive.namelist()
        assert 'weights/constants.pkl' not in archive.namelist()
    with pytest.raises(UserError, match='both.pth is damaged: it has several directories'):
        load_from_file(both)


@pytest.mark.parametrize('mode', ['w', 'w:gz'])
@pytest.mark.parametrize('name', ['storages', '\udc80weights.pth'])  # the second begins as a pickle does
def test_a_tar_file(tmp_path, mode, name):
    path = tmp_path / 'weights.pth.tar'
    with tarfile.open(path, mode, format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(UserError, match='weights.pth.tar is a tar file, not a checkpoint: unpack it'):
        load_from_file(path)
