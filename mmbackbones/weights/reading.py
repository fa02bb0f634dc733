"""Reading a file's checkpoint without running what is in it.

PyTorch's ``weights_only=True`` is always on. It knows tensors and plain containers only, so the few other things that
MMEngine and the authors' training scripts put beside the weights are allow-listed here: MMEngine's ``HistoryBuffer``
(its log of losses), NumPy's arrays, scalars and dtypes, and ``argparse.Namespace``.
"""

import argparse
import re
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from ..errors import UserError
from .archive import check_archive
from .contents import check_contents
from .safetensors_file import is_safetensors, read_safetensors

_ZIP, _PICKLE = b'PK\x03\x04', b'\x80'  # how files of torch.save begin since PyTorch 1.6, and before


class _History(HistoryBuffer):
    """Stands where a pickle names ``HistoryBuffer``, and becomes one with the file's numbers.

    Its own way to read a pickle puts functions of the file among the statistics that all histories share.
    """

    def __setstate__(self, state) -> None:
        numbers, counts = state['_log_history'], state['_count_history']
        for array in (numbers, counts):
            if not isinstance(array, np.ndarray) or array.ndim != 1 or array.dtype.kind not in 'biuf':
                raise UnpicklingError('a HistoryBuffer without numbers')
        self.__class__ = HistoryBuffer
        self.__init__(numbers, counts)


def _history_statistic(owner, name: str):
    """Stands where HistoryBuffer's pickle names ``builtins.getattr``: it answers for the four statistics only."""
    if owner is _History and name in ('min', 'max', 'mean', 'current'):
        return getattr(HistoryBuffer, name)
    raise UnpicklingError(f'getattr({owner!r}, {name!r})')


def _no_bytes() -> bytes:
    """Stands where the pickle of an empty NumPy array calls ``bytes``."""
    return b''


def _as(module: str, name: str, function):
    """`function` under the name that a pickle calls it by."""

    def alias(*args):
        return function(*args)

    alias.__module__, alias.__name__, alias.__qualname__ = module, name, name
    return alias


def _allowed() -> list:
    # NumPy 2 moved `core` to `_core`; a file may have been written by either.
    multiarray = (np._core if hasattr(np, '_core') else np.core).multiarray
    functions = [_as('builtins', 'getattr', _history_statistic), _as('builtins', 'bytes', _no_bytes)]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        functions += [_as(module, name, getattr(multiarray, name)) for name in ('scalar', '_reconstruct')]
    dtypes = {type(np.dtype(code)) for code in np.typecodes['AllInteger'] + np.typecodes['AllFloat'] + '?US'}
    _History.__module__, _History.__qualname__ = HistoryBuffer.__module__, HistoryBuffer.__qualname__
    return [_History, argparse.Namespace, np.ndarray, np.dtype, *dtypes, *functions]


if hasattr(torch.serialization, 'add_safe_globals'):  # PyTorch >= 2.4; below it only plain weights can be read
    torch.serialization.add_safe_globals(_allowed())


def is_web_page(path: Path) -> bool:
    """Whether a file is what a download link delivers when it leads to a page: a login, a virus warning, an error."""
    with open(path, 'rb') as file:
        return bool(re.match(rb'(\xef\xbb\xbf)?\s*<(!doctype|\?xml|html|head|body)\b', file.read(512), re.IGNORECASE))


def read_checkpoint(path: Path, map_location=None):
    """Read a file of ``torch.save`` or of safetensors, whatever its name ends in; nothing in it is executed.

    The text under ``meta['config']``, which MMEngine's ``Runner.resume`` would execute and nothing else reads, is left
    out.

    Args:
        path: The file.
        map_location: As in :func:`torch.load`.

    Raises:
        UserError: The file is damaged, no checkpoint at all, or holds objects that could run code.
    """
    try:
        with open(path, 'rb') as file:
            start = file.read(len(_ZIP))
        if is_web_page(path):
            raise UserError(
                f'{path} is a web page, not a checkpoint: the link that it came from leads to a page, on '
                'which the file has to be chosen'
            )
        if is_safetensors(path) or (path.suffix == '.safetensors' and not start.startswith((_ZIP, _PICKLE))):
            device = map_location if isinstance(map_location, str | torch.device) else 'cpu'
            return read_safetensors(path, device)
        if start == _ZIP:
            check_archive(path)
        content = _unpickle(path, map_location)
    except OSError as error:
        raise UserError(f'checkpoint {path} cannot be read: {error.strerror or error}') from error
    check_contents(content, path)
    if isinstance(content, dict) and isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    return content


def _unpickle(path: Path, map_location):
    try:
        with open(path, 'rb') as file:  # by a name that ends in .safetensors, torch.load expects such a file
            return torch.load(file, map_location=map_location, weights_only=True)
    except UnpicklingError as error:
        refused = re.search(r'GLOBAL ([\w.]+)', str(error))
        if refused:
            raise UserError(
                f'checkpoint {path} was not loaded: beside weights it holds {refused[1][:100]}, and '
                'loading that could run code'
            ) from error
        raise UserError(f'{path} is not a PyTorch checkpoint that can be loaded safely') from error
    except Exception as error:  # in a damaged file anything can go wrong
        if 'CUDA' in str(error) and map_location is None:
            return _unpickle(path, map_location='cpu')
        raise UserError(f'checkpoint {path} is damaged or incomplete: it cannot be read') from error
