"""Safetensors files; the format has no checksum, so those written here carry one in their metadata."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import UserError
from .pickle_scan import MAX_SIDES

_DIGEST = 'sha256'  # key in a file's metadata


def is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors files do: the length of a header, then the header, which is JSON."""
    with open(path, 'rb') as file:
        start = file.read(9)
    return start[8:] == b'{' and int.from_bytes(start[:8], 'little') <= path.stat().st_size


def read_safetensors(path: Path, device: str | torch.device) -> dict[str, Tensor]:
    """The tensors of a file, checked against its digest if it has one.

    Args:
        path: The file.
        device: Where to put the tensors.

    Raises:
        UserError: The file is damaged or incomplete.
    """
    try:
        with safe_open(path, 'pt', 'cpu') as file:
            if any(len(file.get_slice(name).get_shape()) > MAX_SIDES for name in file.keys()):  # noqa: SIM118
                raise ValueError('a tensor of so many sides that PyTorch takes hours for it')
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
            digest = (file.metadata() or {}).get(_DIGEST)
    except (SafetensorError, OSError, ValueError, RuntimeError, TypeError) as error:
        raise UserError(f'checkpoint {path} is damaged or incomplete: it cannot be read') from error
    if digest and digest != _digest(weights):
        raise UserError(
            f'checkpoint {path} is damaged: its weights are not those that were written; copy or download it again'
        )
    return {name: value.to(device) for name, value in weights.items()}


def write_safetensors(weights: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors, none of which may share memory, with a SHA-256 digest of names, types, shapes and values."""
    path.write_bytes(save(dict(weights), metadata={'format': 'pt', _DIGEST: _digest(weights)}))


def _digest(weights: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        value = weights[name]
        digest.update(f'{name!r} {value.dtype} {tuple(value.shape)}\n'.encode('utf-8', 'surrogatepass'))
        digest.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
