"""Files, URLs and short names: what counts as a checkpoint, and the message if it cannot be found."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS
from mmengine.runner.checkpoint import CheckpointLoader

from mmbackbones.backbones import VAN
from mmbackbones.errors import UserError
from mmbackbones.weights import RELEASES, families, locate
from mmbackbones.weights.release import published_sha256
from tests.helpers.checkpoints import file_of
from tests.helpers.small_backbones import SMALL

WEIGHTS = file_of({'weight': torch.ones(2)})


def small_release(monkeypatch, **kwargs) -> VAN:
    """The weights of a small VAN, in place of van-b0's."""
    monkeypatch.setitem(RELEASES, 'van-b0', replace(RELEASES['van-b0'], file='van_small.pth', **kwargs))
    return MODELS.build(dict(type='VAN', **SMALL['VAN']))


def load(checkpoint: str) -> dict:
    model = MODELS.build(dict(type='VAN', **SMALL['VAN'], init_cfg=dict(type='Pretrained', checkpoint=checkpoint)))
    model.init_weights()
    return model.state_dict()


def test_file_url_and_short_name_behave_alike(cache, serve, monkeypatch, tmp_path):
    source = small_release(monkeypatch, url=serve('van_small.pth', None)).state_dict()
    serve('van_small.pth', file_of(source))
    (tmp_path / 'file.pth').write_bytes(file_of(source))
    for checkpoint in ('van-b0', serve('van_small.pth', None), str(tmp_path / 'file.pth')):
        assert all(torch.equal(value, source[key]) for key, value in load(checkpoint).items())
    assert len(serve.requests) == 1


def test_a_file_that_must_be_downloaded_manually(cache, monkeypatch):
    source = small_release(monkeypatch, url=None, page='https://example.com/page').state_dict()
    with pytest.raises(
        UserError,
        match=rf'get it from https://example.com/page and save it in the folder '
        rf'{re.escape(str(cache))} as van_small.pth',
    ):
        load('van-b0')
    cache.mkdir(parents=True)
    (cache / 'van_small.pth').write_bytes(file_of(source))
    assert all(torch.equal(value, source[key]) for key, value in load('van-b0').items())


def test_an_unknown_short_name_lists_the_known_ones(cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="'van-b7' is neither a file nor .*; there are dualvit-s, .*van-b0"):
        CheckpointLoader.load_checkpoint('van-b7')
    Path('van-b7').write_bytes(WEIGHTS)
    assert CheckpointLoader.load_checkpoint('van-b7')['weight'].sum() == 2


@pytest.mark.parametrize('release', RELEASES.values(), ids=str)
def test_releases(release):
    archs = MODELS.get(release.family).arch_zoo
    assert archs[release.arch] is archs[release.name.split('-')[1]]
    assert release.url is None or release.url.endswith(f'/{release.file}')
    assert release.page.startswith('https://')


def test_releases_have_files_of_their_own():
    assert len({release.file for release in RELEASES.values()}) == len(RELEASES) == 23
    assert {release.sha256 for release in RELEASES.values()} == {None, '385941af', '17bc91aa', '6a4cc31b', 'f212ba21'}


def test_a_folder_is_not_a_checkpoint(tmp_path):
    with pytest.raises(UserError, match='is a folder or a device, not a file'):
        locate(tmp_path)


@pytest.mark.parametrize(
    ('file', 'sha256'),
    [
        ('resnet50-0676ba61.pth', '0676ba61'),
        (f'van-{"0123456789abcdef" * 4}.pth', '0123456789abcdef' * 4),
        ('best-20240131.pth', None),  # a date
        ('van-0123abc.pth', None),  # too short
        ('van_small_811.pth.tar', None),
    ],
)
def test_published_sha256(file, sha256):
    assert published_sha256(file) == sha256


def test_every_file_of_families_is_read():
    files = (Path(families.__file__).parent).glob('[!_]*.py')
    assert [module.__name__.rpartition('.')[2] for module in families.FAMILIES] == sorted(path.stem for path in files)
    assert [release.name for family in families.FAMILIES for release in family.RELEASES] == list(RELEASES)
