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
    """The classes that a checkpoint was trained on, in label order; None if it does not say.

    MMEngine writes them to ``meta['dataset_meta']['classes']``; MMDetection 2 and MMSegmentation 0.x, which trained the
    authors' models, to ``meta['CLASSES']``.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` returned.
    """
    meta = _entry(checkpoint, 'meta')
    classes = _entry(_entry(meta, 'dataset_meta'), 'classes')
    if classes is None:
        classes = _entry(meta, 'CLASSES')
    if isinstance(classes, np.ndarray):
        classes = classes.tolist()
    if not isinstance(classes, list | tuple) or not all(isinstance(name, str) for name in classes):
        return None
    return tuple(map(str, classes)) or None


def _entry(node: object, name: str) -> Any:
    return node.get(name) if isinstance(node, Mapping) else None
