"""mmcv's operators with the stand-ins, whatever is installed."""

import importlib
import types

import pytest

from mmbackbones.ops import mmcv_ext
from mmbackbones.ops.mmcv_ext import nms, roi_align

STAND_INS = types.SimpleNamespace(**{operator.__name__: operator for operator in mmcv_ext._OPERATORS})


@pytest.fixture
def plain(monkeypatch):
    """`mmcv.ops` with the stand-ins in plain PyTorch, even if mmcv is compiled or torchvision works."""
    for name in ('bbox', 'focal_loss', 'nms', 'roi_align'):
        monkeypatch.setattr(importlib.import_module(f'mmcv.ops.{name}'), 'ext_module', STAND_INS)
    for module in (nms, roi_align):
        monkeypatch.setattr(module, 'torchvision_ops', lambda device_type: None)
