"""What may come out of a checkpoint: plain values and tensors, in plain containers."""

import argparse
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor, nn

from ..errors import UserError

_DEEPEST = 100  # containers inside one another; Python's own copies and comparisons fail not far beyond
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


def _trusted() -> tuple[type, ...]:
    """The types that the user trusts: not those that PyTorch and this package have named themselves."""
    named = getattr(torch.serialization, 'get_safe_globals', list)()
    types = [entry[0] if isinstance(entry, tuple) else entry for entry in named]
    return tuple(
        kind
        for kind in types
        if isinstance(kind, type)
        and kind not in _CONTAINERS + _VALUES
        and kind.__module__.partition('.')[0] not in ('torch', 'numpy', 'mmengine')
    )


def check_contents(content, path: Path) -> None:
    """Look at everything that a checkpoint held.

    The safe unpickler gives the functions and classes that it knows as values, too, and lets a file put attributes, on
    tensors and containers, in the place of their methods. Nothing that was saved in good faith has either. Types that
    the user has named to ``torch.serialization.add_safe_globals`` are let through.

    Raises:
        UserError: There is such a thing in it, or containers are nested without end.
    """
    todo, seen, trusted = [(content, 0)], set(), _trusted()
    while todo:
        value, depth = todo.pop()
        if id(value) in seen:
            continue
        kind = type(value)
        attributes = getattr(value, '__dict__', {}) if kind is not HistoryBuffer else {}
        if kind not in _CONTAINERS + _VALUES + trusted and not isinstance(value, np.generic | np.dtype):
            raise UserError(
                f'checkpoint {path} was not loaded: it holds a {kind.__name__}, which is neither a weight '
                'nor a plain value'
            )
        wrong = [name for name in attributes if not isinstance(name, str) or hasattr(kind, name)]
        if wrong and kind not in trusted:
            raise UserError(
                f'checkpoint {path} was not loaded: a {kind.__name__} in it brings its own {str(wrong[0])[:40]!a}'
            )
        if depth > _DEEPEST:
            raise UserError(f'checkpoint {path} was not loaded: its contents are nested more than {_DEEPEST} deep')
        if kind in _CONTAINERS:
            seen.add(id(value))
        children = list(attributes.values())
        if isinstance(value, dict):
            children += [*dict.keys(value), *dict.values(value)]
        elif isinstance(value, list | tuple | set):
            children += value
        todo += [(child, depth + 1) for child in children]
