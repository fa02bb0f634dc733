"""From a checkpoint in any known layout to a plain, safe file of the backbone alone."""

import os
from pathlib import Path

import torch

from ..errors import UserError
from ..utils.atomic_write import atomic_write
from ..weights.safetensors_file import write_safetensors
from .identify import CheckpointInfo, identify_checkpoint


def convert_weights(checkpoint: str | os.PathLike, out: str | os.PathLike) -> CheckpointInfo:
    """Write a checkpoint's backbone under our keys; ``init_cfg`` takes the file again.

    Args:
        checkpoint: File, URL or short name, in any known layout: of a backbone, an image classifier or a whole model.
        out: File to write, ``.safetensors`` or ``.pth``: tensors under their keys, nothing else. It must not exist yet.

    Returns:
        What the checkpoint holds.

    Raises:
        UserError: `checkpoint` can't be had or is in no known layout; `out` exists, has another suffix or can't be
            written. Nothing has been written then.
    """
    out = Path(out)
    if out.suffix not in ('.safetensors', '.pth'):
        raise UserError(f'the file to write must end in .safetensors or .pth, got {out}')
    if out.exists():
        raise UserError(f'{out} exists already, and nothing is written over: name another file, or remove it')
    found = identify_checkpoint(checkpoint)
    weights = {key: value.contiguous().clone() for key, value in found.backbone.items()}  # of their own, not views
    try:
        with atomic_write(out) as partial:
            if out.suffix == '.pth':
                torch.save(weights, partial)
            else:
                write_safetensors(weights, partial)
    except (OSError, RuntimeError) as error:  # a full disk is a RuntimeError to torch.save
        raise UserError(f'{out} cannot be written: {getattr(error, "strerror", None) or error}') from error
    return found
