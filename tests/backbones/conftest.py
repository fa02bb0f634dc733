"""Fixtures that run a test once for every registered backbone."""

from functools import partial

import pytest

from tests.helpers.small_backbones import build_small, registered


@pytest.fixture(params=registered())
def backbone_name(request) -> str:
    return request.param


@pytest.fixture
def build(backbone_name):
    """Builds the backbone under test, in its size for tests, with any further arguments."""
    return partial(build_small, backbone_name)
