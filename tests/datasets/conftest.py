from pathlib import Path

import pytest

from tests.helpers.segmentation_folders import ade


@pytest.fixture(autouse=True)
def cache_home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


@pytest.fixture
def out_dir(tmp_path) -> Path:
    return tmp_path / 'out'


@pytest.fixture
def ade20k_root(tmp_path) -> Path:
    ade(tmp_path / 'user')
    return tmp_path / 'user'
