"""What a checkpoint says of its training run: the config, read as data, the classes and their numbers in the data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import UserError
from .literals import NotDataError, read_assignments, read_literals

_MAX_LENGTH = 2_000_000  # characters; the config of a detector has 25,000, and 500 more for each of its classes
_MAX_ID = 2**53  # whole numbers below it are the same in every reader of JSON


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


def trained_category_ids(checkpoint: object) -> tuple[int, ...] | None:
    """The number of each class in the training data, in label order, from ``meta['dataset_meta']['category_ids']``.

    For a detector these are the category ids of its annotation file, for a segmentor the values in its label maps.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` returned.

    Returns:
        As many different numbers as there are :func:`trained_classes`; None if the checkpoint has no such numbers.
    """
    ids = _entry(_entry(_entry(checkpoint, 'meta'), 'dataset_meta'), 'category_ids')
    if not isinstance(ids, list | tuple) or not all(type(number) is int and abs(number) < _MAX_ID for number in ids):
        return None
    return tuple(ids) if len(set(ids)) == len(ids) == len(trained_classes(checkpoint) or ()) else None


def _entry(node: object, name: str) -> Any:
    return node.get(name) if isinstance(node, Mapping) else None


def _text(checkpoint: object) -> str | None:
    text = _entry(_entry(checkpoint, 'meta'), 'cfg')
    return text if isinstance(text, str) else None
