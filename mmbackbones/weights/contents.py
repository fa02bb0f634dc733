"""What may come out of a checkpoint: tensors and plain values, in plain containers."""

import argparse
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor, nn

from ..errors import UserError
from .safe_globals import types_trusted_by_user

WAY_OUT = (
    'if you trust the file, name its types to torch.serialization.add_safe_globals, or read it with torch.load and '
    'save its state_dict alone'
)
_MAX_DEPTH = 100  # nested containers; Python's own copies and comparisons fail not far beyond
_CONTAINERS = (dict, OrderedDict, Counter, list, tuple, torch.Size, set, argparse.Namespace)
_VALUES = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    Tensor,
    nn.Parameter,
    HistoryBuffer,
    np.ndarray,
    torch.dtype,
    torch.device,
    torch.layout,
    torch.UntypedStorage,
    torch.storage.TypedStorage,
)


def check_contents(content: object, path: Path) -> None:
    """Check every object that was read from a checkpoint.

    The safe unpickler also hands out the functions and classes that it knows as values, and lets a file replace methods
    of tensors and containers by attributes. Nothing that was saved in good faith has either. Types that the user has
    named to ``torch.serialization.add_safe_globals`` may pass.

    Args:
        content: What was read.
        path: The file, for the message.

    Raises:
        UserError: There is such an object in it, or containers are nested too deeply.
    """
    todo: list[tuple[object, int]] = [(content, 0)]
    seen: set[int] = set()
    trusted = tuple(kind for kind in types_trusted_by_user() if kind not in _CONTAINERS + _VALUES)
    while todo:
        value, depth = todo.pop()
        if id(value) in seen:
            continue
        kind = type(value)
        attributes = getattr(value, '__dict__', {}) if kind is not HistoryBuffer else {}
        if kind not in _CONTAINERS + _VALUES + trusted and not isinstance(value, np.generic | np.dtype):
            raise UserError(
                f'checkpoint {path} was not loaded: it holds a {kind.__name__}, which is neither a weight nor a plain '
                f'value; {WAY_OUT}'
            )
        wrong = [name for name in attributes if not isinstance(name, str) or hasattr(kind, name)]
        if wrong and kind not in trusted:
            raise UserError(
                f'checkpoint {path} was not loaded: a {kind.__name__} in it overrides its own {str(wrong[0])[:40]!a}'
            )
        if depth > _MAX_DEPTH:
            raise UserError(
                f'checkpoint {path} was not loaded: its contents are nested more than {_MAX_DEPTH} levels deep'
            )
        if kind in _CONTAINERS:
            seen.add(id(value))
        children = list(attributes.values())
        if isinstance(value, dict):
            children += [*dict.keys(value), *dict.values(value)]
        elif isinstance(value, list | tuple | set):
            children += value
        todo += [(child, depth + 1) for child in children]
