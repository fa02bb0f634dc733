"""Libraries that were imported before the stand-ins were there, and went on without mmcv's operators."""

import ast
import importlib
import inspect
import sys
from types import ModuleType

from mmengine.config.utils import MODULE2PACKAGE

_TRANSFORMER = 'mmcv.cnn.bricks.transformer'


def libraries_without_operators() -> list[str]:
    """Names of loaded libraries in which an import of `mmcv.ops` failed and was caught.

    OneDL's libraries catch it in some forty modules, and put functions there that raise an error when they are called:
    in mid-training. Those of open-mmlab mostly fail on import.
    """
    if 'mmcv.ops' in sys.modules:
        return []
    loaded = [(name.partition('.')[0], module) for name, module in sys.modules.items()]
    candidates = [(library, module) for library, module in loaded if library in MODULE2PACKAGE]
    return sorted({library for library, module in candidates if _tries_to_import_operators(module)})


def complete_mmcv() -> None:
    """Give `mmcv.cnn`, if it was imported without the operators, the name that mmdet imports from it."""
    transformer = sys.modules.get(_TRANSFORMER)
    if transformer is not None and not hasattr(transformer, 'MultiScaleDeformableAttention'):
        attention = importlib.import_module('mmcv.ops.multi_scale_deform_attn')
        vars(transformer)['MultiScaleDeformableAttention'] = attention.MultiScaleDeformableAttention


def _tries_to_import_operators(module: ModuleType) -> bool:
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        return False
    if 'mmcv.ops' not in source:
        return False
    tried = [inner for node in ast.parse(source).body if isinstance(node, ast.Try) for inner in node.body]
    imported = [inner.module for inner in tried if isinstance(inner, ast.ImportFrom)]
    return any(name is not None and name.startswith('mmcv.ops') for name in imported)
