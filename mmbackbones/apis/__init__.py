"""What a user calls: one file per verb, loaded on first use, because most need MMDetection and MMSegmentation."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import app
    from .attention import AttentionResult, attend, attention
    from .browse import BrowseResult, browse
    from .check_data import DataReport, check_data
    from .create_backbone import create_backbone, list_backbones, list_checkpoints
    from .export import ExportResult, export
    from .identify import CheckpointInfo, identify
    from .load import load
    from .predict import PredictResult, predict
    from .report import ReportResult, report
    from .test import test
    from .train import TrainResult, train

_FUNCTIONS = {  # name -> module
    'AttentionResult': 'attention',
    'BrowseResult': 'browse',
    'CheckpointInfo': 'identify',
    'DataReport': 'check_data',
    'ExportResult': 'export',
    'PredictResult': 'predict',
    'ReportResult': 'report',
    'TrainResult': 'train',
    'app': 'app',
    'attend': 'attention',
    'attention': 'attention',
    'browse': 'browse',
    'check_data': 'check_data',
    'create_backbone': 'create_backbone',
    'export': 'export',
    'identify': 'identify',
    'list_backbones': 'create_backbone',
    'list_checkpoints': 'create_backbone',
    'load': 'load',
    'predict': 'predict',
    'report': 'report',
    'test': 'test',
    'train': 'train',
}

__all__ = [
    'AttentionResult',
    'BrowseResult',
    'CheckpointInfo',
    'DataReport',
    'ExportResult',
    'PredictResult',
    'ReportResult',
    'TrainResult',
    'app',
    'attend',
    'attention',
    'browse',
    'check_data',
    'create_backbone',
    'export',
    'identify',
    'list_backbones',
    'list_checkpoints',
    'load',
    'predict',
    'report',
    'test',
    'train',
]


class _Functions(ModuleType):
    """This package, in which the name that a module shares with its function is always the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _FUNCTIONS.get(name) == name:  # an import binds a submodule
            value = getattr(value, name)
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    if name not in _FUNCTIONS:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'.{_FUNCTIONS[name]}', __name__), name)


sys.modules[__name__].__class__ = _Functions
