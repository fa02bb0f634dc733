"""The classes and functions that PyTorch's safe unpickler may call, beside those it knows itself.

Allowed are MMEngine's ``HistoryBuffer`` (its log of losses), NumPy's arrays, scalars and dtypes, and
``argparse.Namespace``: what MMEngine and the authors' training scripts save beside the weights. Where one of them could
be abused, a stand-in of the same name answers.
"""

import argparse
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer


class _History(HistoryBuffer):
    """Stand-in for ``HistoryBuffer`` in a pickle; turns into a HistoryBuffer with the file's numbers.

    HistoryBuffer's own ``__setstate__`` would add functions from the file to the statistics that all buffers share.
    """

    def __setstate__(self, state: dict[str, Any]) -> None:
        numbers, counts = state['_log_history'], state['_count_history']
        for array in (numbers, counts):
            if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in 'biuf':
                raise UnpicklingError('a HistoryBuffer without numbers')
        self.__class__ = HistoryBuffer
        HistoryBuffer.__init__(self, numbers, counts)


def _history_statistic(owner: object, name: str) -> object:
    """Stand-in for ``builtins.getattr``, which HistoryBuffer's pickle names: knows its four statistics only."""
    if owner is _History and name in ('min', 'max', 'mean', 'current'):
        return getattr(HistoryBuffer, name)
    raise UnpicklingError(f'getattr({owner!r}, {name!r})')


def _no_bytes() -> bytes:
    """Stand-in for ``builtins.bytes``, which the pickle of an empty NumPy array calls without arguments."""
    return b''


def _latin1(text: object, encoding: object) -> bytes:
    """Stand-in for ``_codecs.encode``, by which pickles write bytes; since 2.5, PyTorch answers to the name first."""
    if type(text) is not str or encoding != 'latin1':
        raise UnpicklingError(f'_codecs.encode of a {type(text).__name__} with {encoding!r:.40}')
    return text.encode('latin1')


def _as(module: str, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` under the name that a pickle calls it by."""

    def alias(*args: Any) -> Any:
        return function(*args)

    alias.__module__, alias.__name__, alias.__qualname__ = module, name, name
    return alias


def _allowed() -> list[Any]:
    functions = [
        _as('builtins', 'getattr', _history_statistic),
        _as('builtins', 'bytes', _no_bytes),
        _as('_codecs', 'encode', _latin1),
    ]
    # Asked of NumPy itself: NumPy 2 renamed the module that has them, and a file may have been written by either.
    for function in (np.float64().__reduce__()[0], np.ndarray(0).__reduce__()[0]):  # `scalar`, `_reconstruct`
        for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
            functions.append(_as(module, function.__name__, function))
    dtypes = {type(np.dtype(code)) for code in np.typecodes['AllInteger'] + np.typecodes['AllFloat'] + '?US'}
    for attribute in ('__module__', '__qualname__', '__name__'):  # PyTorch 2.4 goes by the last
        setattr(_History, attribute, getattr(HistoryBuffer, attribute))
    return [_History, argparse.Namespace, np.ndarray, np.dtype, *dtypes, *functions]


ALLOWED = _allowed()


def allow_safe_globals() -> None:
    """Tell PyTorch's safe unpickler of :data:`ALLOWED`."""
    torch.serialization.add_safe_globals(ALLOWED)


def types_trusted_by_user() -> tuple[type, ...]:
    """The types that the user has named to ``torch.serialization.add_safe_globals``.

    PyTorch's own types are left out: it names some itself, and who named one cannot be told.
    """
    named: list[Any] = torch.serialization.get_safe_globals()
    types = [entry[0] if isinstance(entry, tuple) else entry for entry in named]
    return tuple(
        kind
        for kind in types
        if isinstance(kind, type) and kind not in ALLOWED and kind.__module__.partition('.')[0] != 'torch'
    )
