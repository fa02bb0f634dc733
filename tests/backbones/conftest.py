"""Fixtures that run a test once for every registered backbone."""
import pytest
from mmengine.registry import MODELS
from small_backbones import SMALL, registered


@pytest.fixture(params=registered())
def backbone_name(request) -> str:
    return request.param


@pytest.fixture
def build(backbone_name):
    """Builds the backbone under test, small, with any further arguments."""

    def build_small(**kwargs):
        return MODELS.build({'type': backbone_name, **SMALL[backbone_name], **kwargs})

    return build_small
