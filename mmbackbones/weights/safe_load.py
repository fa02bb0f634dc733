"""Reading checkpoints without running what is in them.

PyTorch's ``weights_only=True`` is always on. It knows tensors and plain containers only, so the few other things that
MMEngine and the authors' training scripts put beside the weights are allow-listed here: MMEngine's ``HistoryBuffer``
(its log of losses), NumPy's arrays, scalars and dtypes, and ``argparse.Namespace``.
"""
import argparse
import os
import re
import socket
from pickle import UnpicklingError
from urllib.error import URLError
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, print_log
from mmengine.runner.checkpoint import CheckpointLoader, get_external_models, get_torchvision_models
from torch.hub import download_url_to_file, get_dir

from ..errors import UserError

_CONNECT_TIMEOUT = 30  # seconds; torch.hub itself would wait for ever


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


def load_from_file(filename: str | os.PathLike, map_location=None):
    """Read a checkpoint file; nothing in it is executed.

    Args:
        filename: Path of a file written by ``torch.save``.
        map_location: As in :func:`torch.load`.

    Raises:
        UserError: The file is missing, damaged, no checkpoint at all, or holds objects that could run code.
    """
    filename = os.path.expanduser(filename)
    if not os.path.isfile(filename):
        raise UserError(f'checkpoint {filename} does not exist')
    try:
        return torch.load(filename, map_location=map_location, weights_only=True)
    except UnpicklingError as error:
        refused = re.search(r'GLOBAL ([\w.]+)', str(error))
        if refused:
            raise UserError(f'checkpoint {filename} was not loaded: beside weights it holds {refused[1]}, and loading '
                            'that could run code') from error
        raise UserError(f'{filename} is not a PyTorch checkpoint that can be loaded safely') from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        if 'CUDA' in str(error) and map_location is None:
            return load_from_file(filename, map_location='cpu')
        raise UserError(f'checkpoint {filename} is damaged or incomplete: it cannot be read') from error


def download(url: str) -> str:
    """Fetch `url` once into torch.hub's cache and return the path there.

    A file appears under its name only when it is complete, so several processes may do this at
    once; a hash in the name (``-0123abcd.pth``) is checked.
    """
    folder = os.path.join(get_dir(), 'checkpoints')
    name = os.path.basename(urlparse(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        print_log(f'downloading {url} to {path}', logger='current')
        hashed = re.search(r'-([a-f0-9]{8,})\.', name)
        before = socket.getdefaulttimeout()
        socket.setdefaulttimeout(_CONNECT_TIMEOUT)
        try:
            download_url_to_file(url, path, hash_prefix=hashed and hashed[1])
        except (URLError, OSError) as error:
            raise UserError(f'{url} cannot be fetched ({getattr(error, "reason", error)}): '
                            f'fetch it elsewhere and put it at {path}') from error
        except RuntimeError as error:  # the hash is wrong
            raise UserError(f'{url} did not arrive as published: {error}') from error
        finally:
            socket.setdefaulttimeout(before)
    return path


def load_from_url(url: str, map_location=None):
    """Read a checkpoint from an ``http(s)://`` address, through the cache."""
    return load_from_file(download(url), map_location)


def load_from_torchvision(name: str, map_location=None):
    return load_from_url(get_torchvision_models()[name.split('://', 1)[1]], map_location)


def load_from_openmmlab(name: str, map_location=None):
    url = get_external_models()[name.split('://', 1)[1]]
    return load_from_url(url, map_location) if url.startswith('http') else load_from_file(url, map_location)


def register_loaders() -> None:
    """Put these loaders in the place of MMEngine's, for files, URLs and the short names that stand for URLs."""
    if hasattr(torch.serialization, 'add_safe_globals'):  # PyTorch >= 2.4; below it only plain weights can be read
        torch.serialization.add_safe_globals(_allowed())
    for prefixes, loader in (('', load_from_file), (('http://', 'https://'), load_from_url),
                             (('torchvision://', 'modelzoo://'), load_from_torchvision),
                             (('open-mmlab://', 'openmmlab://'), load_from_openmmlab)):
        CheckpointLoader.register_scheme(prefixes, loader, force=True)
