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
_MAX_SHARES = 16  # how many times as large as their memory all tensors may be: some weights have several names
_MORE_BYTES = 16 << 20
MAX_EXPANDED = 16 << 20  # bytes of a tensor that repeats its values: a buffer that was expanded
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
    named to ``torch.serialization.add_safe_globals`` may pass. Nor may a tensor or an array be said to be larger than
    its memory, or thousands of tensors share theirs: whatever is computed of them would take all memory and time.

    Args:
        content: What was read.
        path: The file, for the message.

    Raises:
        UserError: There is such an object or tensor in it, or containers are nested too deeply.
    """
    todo: list[tuple[object, int]] = [(content, 0)]
    seen: set[int] = set()
    sizes = _Sizes(path)
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
        sizes.count(value)
        if kind in _CONTAINERS:
            seen.add(id(value))
        children = list(attributes.values())
        if isinstance(value, dict):
            children += [*dict.keys(value), *dict.values(value)]
        elif isinstance(value, list | tuple | set):
            children += value
        todo += [(child, depth + 1) for child in children]


class _Sizes:
    """Compares what tensors and arrays are said to hold with the memory that they have."""

    def __init__(self, path: Path) -> None:
        self.path, self.total, self.memory = path, 0, 0
        self.seen: set[int] = set()

    def count(self, value: object) -> None:
        if isinstance(value, np.ndarray) and value.size > value.nbytes:
            raise UserError(f'{self.path} was not loaded: it holds an array of {value.size} values without any memory')
        if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_meta or value.is_nested:
            return
        storage, size = value.untyped_storage(), value.numel() * value.element_size()
        if size > max(storage.nbytes(), MAX_EXPANDED):
            raise UserError(
                f'{self.path} was not loaded: a tensor in it claims {value.numel()} values, more than are in the file'
            )
        self.total += size
        if storage.data_ptr() not in self.seen:
            self.seen.add(storage.data_ptr())
            self.memory += storage.nbytes()
        if self.total > _MAX_SHARES * self.memory + _MORE_BYTES:
            raise UserError(
                f'{self.path} was not loaded: its tensors share their memory, and together are more than '
                f'{_MAX_SHARES} times as large'
            )
