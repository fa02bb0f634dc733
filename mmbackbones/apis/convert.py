"""Conversion of a checkpoint in any known layout to a plain, safe file of the backbone alone."""

import os
from pathlib import Path

import torch

from ..errors import UserError
from ..utils.atomic_write import atomic_write
from ..weights.safetensors_file import write_safetensors
from .identify import CheckpointInfo, identify_checkpoint


def convert_weights(checkpoint: str | os.PathLike[str], out: str | os.PathLike[str]) -> CheckpointInfo:
    """Write a checkpoint's backbone under our keys, to a file that ``init_cfg`` takes.

    Args:
        checkpoint: File, URL or short name, in any known layout: of a backbone, an image classifier or a whole model.
        out: File to write, ``.safetensors`` or ``.pth``: tensors under their keys, nothing else. It must not exist yet.

    Returns:
        What the checkpoint holds.

    Raises:
        UserError: `checkpoint` cannot be read or is in no known layout; `out` exists, has another suffix or cannot be
            written. Nothing has been written then.
    """
    path = Path(out)
    if path.suffix not in ('.safetensors', '.pth'):
        raise UserError(f'the file to write must end in .safetensors or .pth, got {path}')
    if os.path.exists(path):  # false for names that are too long, which Path.exists raises at
        raise UserError(f'{path} already exists: delete it or choose another name')
    found = identify_checkpoint(checkpoint)
    weights = {key: value.contiguous().clone() for key, value in found.backbone.items()}  # no views of larger tensors
    try:
        with atomic_write(path) as partial:
            if path.suffix == '.pth':
                torch.save(weights, partial)
            else:
                write_safetensors(weights, partial)
    except (OSError, RuntimeError) as error:  # torch.save raises RuntimeError when the disk is full
        raise UserError(f'{path} cannot be written: {getattr(error, "strerror", None) or error}') from error
    return found
