"""What a checkpoint says of its training run: the config, read as data, and the classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .literals import read_literals

_MAX_LENGTH = 1_000_000  # characters; the config of a large detector has 20,000


def trained_config(checkpoint: object) -> dict[str, Any]:
    """The config that a checkpoint of MMEngine was trained with, as far as it is made of literals.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` returned.

    Returns:
        Top-level names and their values; numbers, strings, None, booleans, lists, tuples and dicts are read,
        ``dict(...)`` among them. Anything else is left out; empty if there is no config.
    """
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    text = meta.get('cfg') if isinstance(meta, Mapping) else None
    return read_literals(text) if isinstance(text, str) and len(text) <= _MAX_LENGTH else {}


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
