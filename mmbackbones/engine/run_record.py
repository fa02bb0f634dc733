"""What ``run.json`` says of a training run beside its id: how it was started, with which data and libraries."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import get_world_size

from ..utils.command import command_line
from ..utils.files import sha256_of
from ..utils.messages import tell
from ..utils.text import clipped
from .config_tree import dicts_in
from .versions import library_versions


def run_record(cfg: Config, root: Path | None, call: str) -> dict[str, Any]:
    """Facts of a run that starts now.

    Args:
        cfg: The config that is run, with its data.
        root: Folder of the data; None for data that only the config names.
        call: What was called, if this process is not the command ``mmbackbones``.
    """
    cuda = get_device() == 'cuda'
    return dict(
        command=command_line() or clipped(call),
        started=datetime.now(timezone.utc).isoformat(timespec='seconds'),
        seed=cfg.randomness.seed,
        device=torch.cuda.get_device_name() if cuda else get_device(),
        processes=get_world_size(),
        data=dict(
            folder=str(root.absolute()) if root else None,
            train=_fingerprint(cfg, 'train'),
            val=_fingerprint(cfg, 'val'),
        ),
        versions=library_versions(),
    )


def continued(earlier: Mapping[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """The record of a run that is resumed: that of its beginning, with the command and time of each resume.

    Args:
        earlier: The record so far; that of an earlier version has an id alone.
        facts: Those of the start that resumes it.
    """
    if not isinstance(earlier.get('command'), str):
        return facts
    before, now = earlier.get('data'), facts['data']
    if isinstance(before, Mapping) and any(before.get(split) != now[split] for split in ('train', 'val')):
        tell(
            'the data has changed since this run was started (data in run.json): a run from the beginning would learn '
            'something else'
        )
    resumed = earlier.get('resumed')
    again = dict(command=facts['command'], started=facts['started'], versions=facts['versions'])
    return {**earlier, 'resumed': [*(resumed if isinstance(resumed, list) else []), again]}


def python_call(config: Any, arguments: Mapping[str, Any]) -> str:
    """A call of :func:`~mmbackbones.apis.train`, without the arguments that are None."""
    name = config if isinstance(config, str) else str(getattr(config, 'filename', None) or config)
    given = {key: value for key, value in arguments.items() if value is not None}
    return f'mmbackbones.train({", ".join([repr(name), *(f"{key}={value!r}" for key, value in given.items())])})'


def _fingerprint(cfg: Config, split: str) -> dict[str, Any] | None:
    """Name and digest of the annotations of a split; None if the config names no file that is there.

    The digest is the SHA-256 of an annotation file's bytes. For label maps it is that of a list, in order: names of
    image and label map, and their sizes in bytes. So it does not depend on the folder that the data is in.
    """
    datasets = dicts_in(cfg.get(f'{split}_dataloader'))
    dataset: dict = next((node for node in datasets if node.get('ann_file')), {})
    path = Path(dataset.get('data_root') or '', dataset.get('ann_file') or '')
    if not path.is_file():
        return None
    if dataset.get('type') != 'PairedSegDataset':
        return dict(annotations=str(path), sha256=sha256_of(path))
    digest = hashlib.sha256()
    for pair in json.loads(path.read_text(encoding='utf-8')):
        facts = [[Path(file).name, Path(file).stat().st_size] for file in pair]
        digest.update(json.dumps(facts).encode())
    return dict(annotations=str(path), sha256=digest.hexdigest())
