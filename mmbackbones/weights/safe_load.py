"""Reading checkpoints without running what is in them.

PyTorch's ``weights_only=True`` is always on. It knows tensors and plain containers only, so the few other things that
MMEngine and the authors' training scripts put beside the weights are allow-listed here: MMEngine's ``HistoryBuffer``
(its log of losses), NumPy's arrays, scalars and dtypes, and ``argparse.Namespace``.
"""
import argparse
import os
import re
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader, get_external_models, get_torchvision_models
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..errors import UserError
from .locate import is_web_page, locate


def _history_statistic(owner, name: str):
    """Stands where HistoryBuffer's pickle names ``builtins.getattr``: it answers for the four statistics only."""
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(HistoryBuffer, name)
    raise UnpicklingError(f'getattr({owner!r}, {name!r})')


def _as(module: str, name: str, function):
    """`function` under the name that a pickle calls it by."""

    def alias(*args):
        return function(*args)

    alias.__module__, alias.__name__, alias.__qualname__ = module, name, name
    return alias


def _allowed() -> list:
    # NumPy 2 moved `core` to `_core`; a file may have been written by either.
    multiarray = (np._core if hasattr(np, '_core') else np.core).multiarray
    functions = [_as('builtins', 'getattr', _history_statistic)]
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        functions += [_as(module, name, getattr(multiarray, name)) for name in ('scalar', '_reconstruct')]
    dtypes = {type(np.dtype(code)) for code in np.typecodes['AllInteger'] + np.typecodes['AllFloat'] + '?US'}
    return [HistoryBuffer, argparse.Namespace, np.ndarray, np.dtype, *dtypes, *functions]


def load_from_file(checkpoint: str | os.PathLike, map_location=None):
    """Read a checkpoint; nothing in it is executed.

    Args:
        checkpoint: Path, URL or short name (:func:`~mmbackbones.weights.locate`) of a file written by ``torch.save`` or
            of a ``.safetensors`` file.
        map_location: As in :func:`torch.load`.

    Raises:
        UserError: The file can't be had, is damaged, no checkpoint at all, or holds objects that could run code.
    """
    path = locate(checkpoint)
    try:
        if is_web_page(path):
            raise UserError(f'{path} is a web page, not a checkpoint: the link that it came from leads to a page, on '
                            'which the file has to be chosen')
    except OSError as error:
        raise UserError(f'checkpoint {path} cannot be read: {error.strerror}') from error
    return _read_safetensors(path, map_location) if path.suffix == '.safetensors' else _read(path, map_location)


def _read(path: Path, map_location):
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except UnpicklingError as error:
        refused = re.search(r'GLOBAL ([\w.]+)', str(error))
        if refused:
            raise UserError(f'checkpoint {path} was not loaded: beside weights it holds {refused[1]}, and loading '
                            'that could run code') from error
        raise UserError(f'{path} is not a PyTorch checkpoint that can be loaded safely') from error
    except Exception as error:  # in a damaged file anything can go wrong
        if 'CUDA' in str(error) and map_location is None:
            return _read(path, map_location='cpu')
        raise UserError(f'checkpoint {path} is damaged or incomplete: it cannot be read') from error


def _read_safetensors(path: Path, map_location) -> dict[str, torch.Tensor]:
    device = map_location if isinstance(map_location, str | torch.device) else 'cpu'
    try:
        return load_file(path, str(device))
    except (SafetensorError, OSError) as error:
        raise UserError(f'checkpoint {path} is damaged or incomplete: it cannot be read') from error


def load_from_torchvision(name: str, map_location=None):
    return load_from_file(get_torchvision_models()[name.split('://', 1)[1]], map_location)


def load_from_openmmlab(name: str, map_location=None):
    return load_from_file(get_external_models()[name.split('://', 1)[1]], map_location)


def register_loaders() -> None:
    """Put these loaders in the place of MMEngine's, for files, URLs and all names that stand for them."""
    if hasattr(torch.serialization, 'add_safe_globals'):  # PyTorch >= 2.4; below it only plain weights can be read
        torch.serialization.add_safe_globals(_allowed())
    for prefixes, loader in ((('', 'http://', 'https://'), load_from_file),
                             (('torchvision://', 'modelzoo://'), load_from_torchvision),
                             (('open-mmlab://', 'openmmlab://'), load_from_openmmlab)):
        CheckpointLoader.register_scheme(prefixes, loader, force=True)
