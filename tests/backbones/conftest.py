"""Fixtures that run a test once for every registered backbone."""

import pytest
from mmengine.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tests.helpers.small_backbones import SMALL, registered


@pytest.fixture(params=registered())
def backbone_name(request) -> str:
    return request.param


@pytest.fixture
def build(backbone_name):
    """Builds the backbone under test, small, with any further arguments."""

    def build_small(**kwargs):
        model = MODELS.build({'type': backbone_name, **SMALL[backbone_name], **kwargs})
        for module in model.modules():
            if isinstance(module, _BatchNorm | nn.GroupNorm):
                nn.init.ones_(module.weight)  # some blocks begin as the identity, which would hide what they do
        return model

    return build_small
