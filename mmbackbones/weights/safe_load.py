"""Reading of checkpoint files without executing anything in them: PyTorch's ``weights_only=True``, always."""

import io
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeAlias

import torch

from ..errors import UserError
from .archive import check_archive
from .contents import WAY_OUT, check_contents
from .pickle_scan import scan_pickle
from .safe_globals import allow_safe_globals
from .safetensors_file import is_safetensors, read_safetensors

MapLocation: TypeAlias = str | torch.device | Callable[..., Any] | dict[str, str] | None  # as torch.load takes it

_ZIP, _PICKLE = b'PK\x03\x04', b'\x80'  # first bytes of torch.save's files since PyTorch 1.6, and before

allow_safe_globals()


def is_web_page(path: Path) -> bool:
    """Whether a file is HTML or XML: what a link delivers that leads to a login, a virus warning or an error page."""
    with open(path, 'rb') as file:
        return bool(re.match(rb'(\xef\xbb\xbf)?\s*<(!doctype|\?xml|html|head|body)\b', file.read(512), re.IGNORECASE))


def read_checkpoint(path: Path, map_location: MapLocation = None) -> Any:
    """Read a file of ``torch.save`` or of safetensors, told apart by their contents, not by the file's name.

    The text under ``meta['config']``, which MMEngine's ``Runner.resume`` would execute and nothing else reads, is left
    out.

    Args:
        path: The file.
        map_location: As in :func:`torch.load`.

    Raises:
        UserError: The file is damaged, is no checkpoint, or holds objects that could run code.
    """
    try:
        with open(path, 'rb') as file:
            start = file.read(len(_ZIP))
        if is_web_page(path):
            raise UserError(
                f'{path} is a web page, not a checkpoint: open the link that it came from in a browser and choose the '
                'file there'
            )
        if is_safetensors(path) or (path.suffix == '.safetensors' and not start.startswith((_ZIP, _PICKLE))):
            device = map_location if isinstance(map_location, str | torch.device) else 'cpu'
            return read_safetensors(path, device)
        if start != _ZIP and tarfile.is_tarfile(path):  # before PyTorch 2.6, torch.load would unpack it
            raise UserError(f'{path} is a tar file, not a checkpoint: unpack it and give the checkpoint that is in it')
        content = _unpickle(path, start == _ZIP, map_location)
    except OSError as error:
        raise UserError(f'checkpoint {path} cannot be read: {error.strerror or error}') from error
    check_contents(content, path)
    if isinstance(content, dict) and isinstance(content.get('meta'), dict):
        content['meta'].pop('config', None)
    return content


def _unpickle(path: Path, is_zip: bool, map_location: MapLocation) -> Any:
    try:
        check_archive(path) if is_zip else _scan_pickles(path)
    except UnpicklingError as error:
        raise UserError(f'{path} is not a PyTorch checkpoint that can be loaded safely: {error}') from error
    try:
        with open(path, 'rb') as file:  # not the path: torch.load takes one that ends in .safetensors for such a file
            return torch.load(file, map_location=map_location, weights_only=True)
    except UnpicklingError as error:
        refused = re.search(r'GLOBAL ([\w.]+)', str(error))
        if refused:
            raise UserError(
                f'checkpoint {path} was not loaded: beside weights it holds {refused[1][:100]}, and loading that could '
                f'run code; {WAY_OUT}'
            ) from error
        raise UserError(f'{path} is not a PyTorch checkpoint that can be loaded safely') from error
    except Exception as error:  # in a damaged file anything can go wrong
        if 'CUDA' in str(error) and map_location is None:
            return _unpickle(path, is_zip, map_location='cpu')
        raise UserError(f'checkpoint {path} is damaged or incomplete: it cannot be read') from error


def _scan_pickles(path: Path) -> None:
    """Scan a file of PyTorch before 1.6: a number, a version, a system, the contents and the names of storages."""
    with _Bounded(path) as file:
        for _ in range(5):
            scan_pickle(file, most=file.length)


class _Bounded(io.BufferedReader):
    """A file of which no more is asked for than there is: Python would first make room for all of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self.length = path.stat().st_size

    def read(self, size: int | None = None, /) -> bytes:
        left = max(0, self.length - self.tell())
        return super().read(left if size is None else min(size, left))
