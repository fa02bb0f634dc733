"""The loaders that take the place of MMEngine's: for files, URLs and all names that stand for them."""

import os
from collections.abc import Callable

from mmengine.runner.checkpoint import (
    CheckpointLoader,
    _process_mmcls_checkpoint,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)

from ..errors import UserError
from .locate import locate
from .reading import read_checkpoint


def load_from_file(checkpoint: str | os.PathLike, map_location=None):
    """Read a checkpoint; nothing in it is executed.

    Args:
        checkpoint: Path, URL or short name (:func:`~mmbackbones.weights.locate`) of a file written by ``torch.save`` or
            by safetensors.
        map_location: As in :func:`torch.load`.

    Returns:
        What the file holds, without the text under ``meta['config']``, which MMEngine would execute.

    Raises:
        UserError: The file can't be had, is damaged, no checkpoint at all, or holds objects that could run code.
    """
    return read_checkpoint(locate(checkpoint), map_location)


def _load_named(models: Callable[[], dict], name: str, map_location):
    try:
        known, model = models(), name.split('://', 1)[1]
    except ImportError as error:
        raise UserError(f'{name} cannot be looked up: {error}') from error
    if model not in known:
        raise UserError(f'there is no checkpoint {name}: MMEngine knows no such name')
    return load_from_file(known[model], map_location)


def load_from_torchvision(name: str, map_location=None):
    return _load_named(get_torchvision_models, name, map_location)


def load_from_openmmlab(name: str, map_location=None):
    return _load_named(get_external_models, name, map_location)


def load_from_mmcls(name: str, map_location=None):
    return _process_mmcls_checkpoint(_load_named(get_mmcls_models, name, map_location))


def refuse(name: str, map_location=None):
    """MMEngine would hand over what these deliver to an unpickler that runs it."""
    raise UserError(f'{name} is not read: copy the file to this machine, and name it by its path')


def register_loaders() -> None:
    """Put these loaders in the place of MMEngine's, for files, URLs and all names that stand for them."""
    for prefixes, loader in (
        (('', 'http://', 'https://'), load_from_file),
        (('torchvision://', 'modelzoo://'), load_from_torchvision),
        (('open-mmlab://', 'openmmlab://'), load_from_openmmlab),
        (('mmcls://',), load_from_mmcls),
        (('pavi://', r'(\S+\:)?s3://', r'(\S+\:)?petrel://'), refuse),
    ):
        CheckpointLoader.register_scheme(prefixes, loader, force=True)
