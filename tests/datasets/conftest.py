from pathlib import Path

import pytest

from tests.helpers.segmentation_folders import ade


@pytest.fixture(autouse=True)
def _empty_cache(cache_home) -> None:
    """No test finds what another has cached."""


@pytest.fixture
def out_dir(tmp_path_factory) -> Path:
    """Outside of `tmp_path`, which may be the data folder: written files are no part of the data."""
    return tmp_path_factory.mktemp('out') / 'data'


@pytest.fixture
def ade20k_root(tmp_path) -> Path:
    ade(tmp_path / 'user')
    return tmp_path / 'user'
