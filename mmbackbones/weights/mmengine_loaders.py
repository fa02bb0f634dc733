"""Safe checkpoint loaders in place of MMEngine's, for the whole process.

``import mmbackbones`` calls :func:`replace_mmengine_loaders`. From then on everything in this process that loads
through MMEngine's ``CheckpointLoader`` (its runner, mmdet, mmseg, ``init_cfg``) reads checkpoints with
:func:`load_from_file`, which never runs what is in a file and has no unsafe mode. :func:`torch.load` stays as it was.

Trusted files of your own that hold other objects still load if you name their types to
``torch.serialization.add_safe_globals``. Or make a plain file once: read yours with
``torch.load(FILE, weights_only=False)`` and write its ``state_dict`` with :func:`torch.save`.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from mmengine.runner.checkpoint import (
    CheckpointLoader,
    _process_mmcls_checkpoint,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)

from ..errors import UserError
from .locate import locate
from .safe_load import MapLocation, read_checkpoint


def load_from_file(checkpoint: str | os.PathLike[str], map_location: MapLocation = None) -> Any:
    """Read a checkpoint without executing anything in it.

    Args:
        checkpoint: Path, URL or short name (:func:`~mmbackbones.weights.locate`) of a file written by ``torch.save`` or
            by safetensors.
        map_location: As in :func:`torch.load`.

    Returns:
        What the file holds, without the text under ``meta['config']``, which MMEngine would execute.

    Raises:
        UserError: The file cannot be found or downloaded, is damaged, is no checkpoint, or holds objects that could run
            code.
    """
    return read_checkpoint(locate(checkpoint), map_location)


def _load_named(urls: Callable[[], Mapping[str, str]], name: str, map_location: MapLocation) -> Any:
    try:
        known, model = urls(), name.split('://', 1)[1]
    except ImportError as error:
        raise UserError(f'cannot look up {name}: {error}') from error
    if model not in known:
        raise UserError(f'there is no checkpoint {name}: MMEngine knows no such name')
    return load_from_file(known[model], map_location)


def load_from_torchvision(name: str, map_location: MapLocation = None) -> Any:
    """:func:`load_from_file` of ``torchvision://NAME``, one of torchvision's released checkpoints."""
    return _load_named(get_torchvision_models, name, map_location)


def load_from_openmmlab(name: str, map_location: MapLocation = None) -> Any:
    """:func:`load_from_file` of ``open-mmlab://NAME``, from MMEngine's table of OpenMMLab's checkpoints."""
    return _load_named(get_external_models, name, map_location)


def load_from_mmcls(name: str, map_location: MapLocation = None) -> Any:
    """:func:`load_from_file` of ``mmcls://NAME``, from MMEngine's table of MMClassification's; the backbone alone."""
    return _process_mmcls_checkpoint(_load_named(get_mmcls_models, name, map_location))


def refuse(name: str, map_location: MapLocation = None) -> NoReturn:
    """Refuse storage services whose files MMEngine would give to an unpickler that executes them.

    Raises:
        UserError: Always.
    """
    raise UserError(f'cannot read {name} safely: copy the file to this machine and give its path')


def replace_mmengine_loaders() -> None:
    """Register these loaders in place of MMEngine's, for files, URLs and every name scheme of its."""
    for prefixes, loader in (
        (('', 'http://', 'https://'), load_from_file),
        (('torchvision://', 'modelzoo://'), load_from_torchvision),
        (('open-mmlab://', 'openmmlab://'), load_from_openmmlab),
        (('mmcls://',), load_from_mmcls),
        (('pavi://', r'(\S+\:)?s3://', r'(\S+\:)?petrel://'), refuse),
    ):
        CheckpointLoader.register_scheme(prefixes, loader, force=True)
