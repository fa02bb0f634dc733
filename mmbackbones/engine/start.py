"""What a training starts from: pre-trained weights, a whole model, nothing, or its own earlier self."""
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import find_latest_checkpoint

from ..errors import UserError
from ..weights import load_file, read_state_dict
from .config import dicts_in
from .distributed import main_first


def checkpoint_classes(checkpoint: dict) -> tuple[str, ...] | None:
    """The classes that a checkpoint of MMEngine was trained on, in label order, if it says."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else None
    dataset_meta = (meta or {}).get('dataset_meta') or {}
    classes = dataset_meta.get('classes', dataset_meta.get('CLASSES'))
    return tuple(classes) if classes else None


def start_from_scratch(cfg: Config) -> None:
    """Load no pre-trained weights."""
    for node in dicts_in(cfg.model):
        if isinstance(node.get('init_cfg'), dict) and node['init_cfg'].get('type') == 'Pretrained':
            node['init_cfg'] = None


def start_from(cfg: Config, weights: str) -> None:
    """Start from `weights`, a backbone's file (the authors' or ours) or a whole model's."""
    state = main_first(lambda: list(read_state_dict(weights)))
    if any(key.startswith('backbone.') for key in state):
        start_from_scratch(cfg)
        cfg.load_from = weights
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='FitWeightsHook')]
    else:
        cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=weights)


def _newest_readable(work_dir: str) -> str | None:
    """The newest checkpoint of a work directory that can be read; None if there is none.

    A run that was killed while it wrote a file leaves a damaged one: the one before it is taken then.
    """
    latest = find_latest_checkpoint(work_dir)
    named = [Path(work_dir) / Path(latest).name] if latest else []  # by name: the directory may have been moved
    others = [path for kind in ('epoch', 'iter') for path in Path(work_dir).glob(f'{kind}_*.pth')]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in dict.fromkeys([path for path in named if path.exists()] + others):
        try:
            load_file(path)
        except UserError as error:
            print_log(str(error), logger='current')
        else:
            return str(path)
    return None


def resume(cfg: Config, checkpoint: str) -> None:
    """Go on from `checkpoint`, or if it is ``auto`` from the newest in the work directory.

    Neither pre-trained weights nor a network are needed then. If there is nothing to go on from under ``auto``, the
    training starts at its beginning, and says so.

    Raises:
        UserError: The file can't be read, or was trained on other classes than the data has.
    """
    path = main_first(lambda: _newest_readable(cfg.work_dir)) if checkpoint == 'auto' else checkpoint
    if path is None:
        print_log(f'nothing to resume in {cfg.work_dir}: starting at the beginning', logger='current')
        return
    theirs = main_first(lambda: checkpoint_classes(load_file(path, 'cpu')))
    ours = cfg.train_dataloader.dataset.get('metainfo', {}).get('classes')
    if theirs and ours and theirs != tuple(ours):
        raise UserError(f'{path} was trained on the classes {", ".join(theirs)}, the data has {", ".join(ours)}: '
                        'to start a new training from it, use --weights')
    start_from_scratch(cfg)
    cfg.resume, cfg.load_from = True, path
