"""What a checkpoint says of its training run: the config, read as data, and the classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import UserError
from .literals import NotDataError, read_assignments, read_literals

_MAX_LENGTH = 2_000_000  # characters; the config of a detector has 25,000, and 500 more for each of its classes


def trained_config(checkpoint: object) -> dict[str, Any]:
    """The config that a checkpoint of MMEngine was trained with, as far as it is made of literals.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` returned.

    Returns:
        Top-level names and their values; numbers, strings, None, booleans, lists, tuples and dicts are read,
        ``dict(...)`` among them. Anything else is left out; empty if there is no config.
    """
    text = _text(checkpoint)
    return read_literals(text) if text is not None and len(text) <= _MAX_LENGTH else {}


def read_trained_config(checkpoint: object, filename: str) -> dict[str, Any]:
    """The config that a checkpoint of MMEngine was trained with, which has to consist of literals.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` returned.
        filename: What to call it in a message.

    Returns:
        Top-level names and their values.

    Raises:
        UserError: There is no config in it, or one that holds anything but data.
    """
    text = _text(checkpoint)
    if text is None:
        raise UserError(f'{filename} carries no config: give the one that it was trained with as CONFIG')
    if len(text) > _MAX_LENGTH:
        raise UserError(
            f'the config in {filename} is not read, because it is {len(text)} characters long, more than '
            f'{_MAX_LENGTH}: give the one that it was trained with as CONFIG'
        )
    try:
        return read_assignments(text)
    except NotDataError as error:
        raise UserError(
            f'the config in {filename} is not read, because it is more than data: line {error.line} holds '
            f'{error.found!r}, and what is in a checkpoint is never run; give a config that you trust as CONFIG'
        ) from None


def trained_classes(checkpoint: object) -> tuple[str, ...] | None:
    """The classes that a checkpoint of MMEngine was trained on, in label order; None if it does not say.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` returned.
    """
    for name in ('meta', 'dataset_meta', 'classes'):
        checkpoint = checkpoint.get(name) if isinstance(checkpoint, Mapping) else None
    if isinstance(checkpoint, np.ndarray):
        checkpoint = checkpoint.tolist()
    if not isinstance(checkpoint, list | tuple) or not all(isinstance(name, str) for name in checkpoint):
        return None
    return tuple(map(str, checkpoint)) or None


def _text(checkpoint: object) -> str | None:
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    text = meta.get('cfg') if isinstance(meta, Mapping) else None
    return text if isinstance(text, str) else None
