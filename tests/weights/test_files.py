"""The checks that a checkpoint file goes through, one by one."""

from pathlib import Path

import pytest
import torch

from mmbackbones.errors import UserError
from mmbackbones.weights.archive import check_archive
from mmbackbones.weights.contents import check_contents
from mmbackbones.weights.download import cached
from mmbackbones.weights.safe_globals import ALLOWED, allow_safe_globals, types_trusted_by_user
from mmbackbones.weights.safe_load import is_web_page, read_checkpoint
from mmbackbones.weights.safetensors_file import is_safetensors, read_safetensors, write_safetensors
from tests.helpers.trusting import trusting

WEIGHTS = {'a': torch.ones(2), 'b': torch.zeros(1)}


def test_each_kind_of_file_is_told_apart(tmp_path):
    torch.save(WEIGHTS, tmp_path / 'a.pth')
    write_safetensors(WEIGHTS, tmp_path / 'a.safetensors')
    (tmp_path / 'a.html').write_text('<!DOCTYPE html>')
    kinds = {path.suffix: (is_web_page(path), is_safetensors(path)) for path in tmp_path.iterdir()}
    assert kinds == {'.pth': (False, False), '.safetensors': (False, True), '.html': (True, False)}
    for name in ('a.pth', 'a.safetensors'):
        assert {key: value.tolist() for key, value in read_checkpoint(tmp_path / name).items()} == dict(a=[1, 1], b=[0])
    assert read_safetensors(tmp_path / 'a.safetensors', 'meta')['a'].is_meta


def test_check_archive(tmp_path):
    torch.save(WEIGHTS, tmp_path / 'a.pth')
    check_archive(tmp_path / 'a.pth')
    (tmp_path / 'a.pth').write_bytes((tmp_path / 'a.pth').read_bytes()[:-30])
    with pytest.raises(UserError, match='a.pth is damaged: .*copy or download it again'):
        check_archive(tmp_path / 'a.pth')


def test_check_contents():
    check_contents(dict(state_dict=WEIGHTS, meta=[1, ('a', {2.0})]), Path('a.pth'))
    deep: list = []
    for _ in range(101):
        deep = [deep]
    for content, message in (
        ([torch.ones], 'it holds a builtin_function_or_method, which is neither a weight nor a plain value'),
        (deep, 'nested more than 100 levels deep'),
    ):
        with pytest.raises(UserError, match=f'a.pth was not loaded: .*{message}'):
            check_contents(content, Path('a.pth'))


def test_cached_names_files_by_their_url(cache):
    one, other = cached('https://a.org/best.pth'), cached('https://b.org/best.pth')
    assert one != other
    assert one.parent == other.parent == cache
    assert one.name.endswith('-best.pth')


class Trusted:
    """A user's own type."""


def test_types_trusted_by_user():
    allow_safe_globals()
    assert set(ALLOWED) <= set(torch.serialization.get_safe_globals())
    before = types_trusted_by_user()
    assert Trusted not in before
    with trusting(Trusted, torch.nn.Linear):
        assert set(types_trusted_by_user()) == {*before, Trusted}
    assert types_trusted_by_user() == before
