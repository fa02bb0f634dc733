"""Checkpoints: what is saved is read as it was, what is damaged is refused or read as it was, keys map one to one."""

import io
import string
import zipfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from mmengine.logging import HistoryBuffer

from mmbackbones.engine.resume import rebuild_checkpoint
from mmbackbones.errors import UserError
from mmbackbones.weights import find_state_dict, load_from_file
from mmbackbones.weights.families.dualvit import rename_dualvit_key
from mmbackbones.weights.families.hatnet import rename_hatnet_key
from mmbackbones.weights.families.transcnn import rename_transcnn_key
from mmbackbones.weights.families.van import rename_van_key
from mmbackbones.weights.literals import NotDataError, read_assignments, read_literals
from mmbackbones.weights.safetensors_file import write_safetensors
from tests.helpers.small_backbones import build_small

RENAMES = {
    'VAN': rename_van_key,
    'TransCNN': rename_transcnn_key,
    'HATNet': rename_hatnet_key,
    'DualViT': rename_dualvit_key,
}
names = st.text(st.characters(codec='utf-8'), max_size=12)
dtypes = st.sampled_from(
    [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
)


@st.composite
def tensors(draw):
    """Tensors of any type and shape, some of them views."""
    shape = draw(st.lists(st.integers(0, 5), max_size=4))
    seed = draw(st.integers(0, 2**32 - 1))
    values = 10 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    value = values.to(draw(dtypes))
    return value.transpose(0, -1) if value.ndim > 1 and draw(st.booleans()) else value


plain = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False),
        names,
        st.binary(max_size=20),
        tensors(),
        st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5).map(np.array),
        st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5).map(lambda v: HistoryBuffer(v, [1] * len(v))),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(names, st.integers(-99, 99)), inner, max_size=4),
        st.sets(st.one_of(names, st.integers()), max_size=3),
    ),
    max_leaves=12,
)


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, np.ndarray):
        assert one.tolist() == other.tolist()
    elif isinstance(one, HistoryBuffer):
        assert_same([*one.data], [*other.data])
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same(*pair)
    else:
        assert one == other


@given(content=plain, new=st.booleans())
def test_what_is_saved_is_read(content, new, tmp_path):
    torch.save(content, tmp_path / 'file.pth', _use_new_zipfile_serialization=new)
    assert_same(load_from_file(tmp_path / 'file.pth', 'cpu'), content)


@given(state=st.dictionaries(names, tensors(), max_size=5))
def test_safetensors(state, tmp_path):
    write_safetensors({key: value.contiguous() for key, value in state.items()}, tmp_path / 'file.safetensors')
    assert_same(load_from_file(tmp_path / 'file.safetensors', 'cpu'), state)


@cache
def whole_file(new: bool) -> bytes:
    """A checkpoint of a training run."""
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    hub = dict(log_scalars={'train/loss': HistoryBuffer([1.0, 0.5], [1, 1])}, runtime_info=dict(best_score=0.5))
    content = dict(
        meta=dict(epoch=1, iter=4, seed=0, cfg='a = dict(b=[1, 2])', dataset_meta=dict(classes=('cat', 'dog'))),
        state_dict=model.state_dict(),
        optimizer=optimizer.state_dict(),
        message_hub=hub,
    )
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=new)
    return file.getvalue()


@st.composite
def mutations(draw):
    """A change of bytes: share of the file where it is, kind, bytes, and a length."""
    return draw(
        st.lists(
            st.tuples(
                st.floats(0, 1, exclude_max=True),
                st.sampled_from(['replace', 'insert', 'delete', 'repeat', 'end']),
                st.binary(min_size=1, max_size=8),
                st.integers(1, 200),
            ),
            min_size=1,
            max_size=4,
        )
    )


def mutate(content: bytes, changes) -> bytes:
    for share, kind, new, length in changes:
        at = int(share * len(content))
        if kind == 'replace':
            content = content[:at] + new + content[at + len(new) :]
        elif kind == 'insert':
            content = content[:at] + new + content[at:]
        elif kind == 'delete':
            content = content[:at] + content[at + length :]
        elif kind == 'repeat':
            content = content[: at + length] + content[at:]
        else:
            content = content[:at]
    return content


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('kind', ['new', 'old', 'pickle'])
@given(changes=mutations())
def test_damaged_files_are_refused_in_a_sentence(kind, changes, tmp_path):
    """The last kind is a file whose checksums fit its damaged pickle."""
    path = tmp_path / 'file.pth'
    if kind == 'pickle':
        write_with_pickle(path, lambda pickle: mutate(pickle, changes))
    else:
        path.write_bytes(mutate(whole_file(kind == 'new'), changes))
    said = str(path)
    try:
        checkpoint = load_from_file(path, 'cpu')
        find_state_dict(checkpoint, str(path))
        rebuild_checkpoint(checkpoint, str(path))
    except UserError as error:
        said = str(error)
    assert str(path) in said
    assert said.isprintable()


def write_with_pickle(path: Path, change) -> None:
    with zipfile.ZipFile(io.BytesIO(whole_file(True))) as given, zipfile.ZipFile(path, 'w') as file:
        for name in given.namelist():
            content = given.read(name)
            file.writestr(name, change(content) if name.endswith('data.pkl') else content)


@cache
def keys_of(name: str) -> tuple[str, ...]:
    return tuple(build_small(name).state_dict())


@pytest.mark.parametrize('name', RENAMES)
@given(data=st.data())
def test_our_keys_stay_and_any_other_key_is_mapped_or_left(name, data):
    """A mapping that changed our own keys, or took two of them for one, would load weights into the wrong layer."""
    keys = keys_of(name)
    key = data.draw(st.sampled_from(keys))
    assert RENAMES[name](key) == key
    at = data.draw(st.integers(0, len(key)))
    text = data.draw(st.text(st.sampled_from(string.ascii_lowercase + string.digits + '._'), max_size=12))
    other = key[:at] + text + key[at + data.draw(st.integers(0, 5)) :]
    renamed = RENAMES[name](other)
    assert renamed is None or isinstance(renamed, str)
    assert RENAMES[name](renamed) == renamed if renamed in keys else True


@given(
    keys=st.sets(st.sampled_from(keys_of('VAN')), min_size=1),
    wrappers=st.lists(
        st.sampled_from(['module.', '_orig_mod.', '_fsdp_wrapped_module.', '_checkpoint_wrapped_module.']), max_size=3
    ),
)
def test_wrappers_are_taken_off(keys, wrappers):
    prefix = ''.join(wrappers)
    state = {f'{prefix}{key}': torch.zeros(1) for key in keys}
    assert find_state_dict(state).keys() == keys


literals = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=15)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(st.sampled_from(string.ascii_letters + '_ .'), max_size=8), inner, max_size=4),
    ),
    max_leaves=15,
)


@given(value=literals)
def test_literals_are_read_as_python_reads_them(value):
    assert repr(read_assignments(f'a = {value!r}\n')) == repr({'a': value})


@example(text='\r0')
@given(text=st.one_of(st.text(max_size=60), st.text(st.sampled_from('a=([{}])\'"\\\n#:,.-+1ef dict'), max_size=60)))
def test_any_text_is_read_as_data_or_refused(text):
    read_literals(text)
    with suppress(NotDataError):
        read_assignments(text)
