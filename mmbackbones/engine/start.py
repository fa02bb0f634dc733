"""What a training starts from: pre-trained weights, a whole model, nothing, or its own earlier self."""
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import MODELS
from mmengine.runner import CheckpointLoader, find_latest_checkpoint

from ..errors import UserError
from ..weights import find_state_dict, load_from_file, read_state_dict, trained_classes
from .config import dicts_in
from .distributed import main_first
from .resume_state import rebuild_checkpoint


def choose_start(cfg: Config, weights: str | None, from_scratch: bool, resume: str | None) -> None:
    """Write into `cfg` what the training starts from; a training to go on with comes before all else.

    Args:
        cfg: Config of a model with a ``backbone``.
        weights: File, URL or short name of a backbone's weights (the authors' or ours) or a whole model's.
        from_scratch: Load no pre-trained weights.
        resume: A checkpoint to go on from, or ``auto`` for the newest in the work directory; if that has none, the
            training starts at its beginning and says so. To go on takes neither pre-trained weights nor a network.

    Raises:
        UserError: A file can't be had or can't be read.
    """
    path = main_first(lambda: _newest_readable(cfg.work_dir) if resume == 'auto' else _resumable(resume))
    if path:
        drop_pretrained(cfg)
        cfg.resume, cfg.load_from = True, path
        cfg.default_hooks.rebuild_checkpoint = dict(type='RebuildCheckpointHook')  # before all hooks of a config
        return
    if resume:
        print_log(f'nothing to resume in {cfg.work_dir}: starting at the beginning', logger='current')
    if from_scratch:
        drop_pretrained(cfg)
    elif weights:
        _start_from(cfg, weights)
    elif (init_cfg := cfg.model.backbone.get('init_cfg')) and init_cfg.get('checkpoint'):
        try:  # now, not after a long check of the data
            main_first(lambda: read_state_dict(init_cfg.checkpoint) and None)
        except UserError as error:
            raise UserError(f'the pre-trained weights are not to be had: {error}; --weights FILE names another file, '
                            '--from-scratch does without') from error


def drop_pretrained(cfg: Config) -> None:
    """Load no pre-trained weights."""
    for node in dicts_in(cfg.model):
        if isinstance(node.get('init_cfg'), dict) and node['init_cfg'].get('type') == 'Pretrained':
            node['init_cfg'] = None


def checkpoint_classes(path: str) -> tuple[str, ...] | None:
    """The classes that a checkpoint of MMEngine was trained on, in label order, if it says."""
    checkpoint = CheckpointLoader.load_checkpoint(path, 'cpu', logger='silent')
    find_state_dict(checkpoint, path)  # what cannot be loaded is refused now, not after a long check of the data
    return trained_classes(checkpoint)


def check_classes(cfg: Config) -> None:
    """Raise UserError if the training to go on with had other classes than the data has now."""
    theirs = main_first(lambda: checkpoint_classes(cfg.load_from))
    ours = cfg.train_dataloader.dataset.get('metainfo', {}).get('classes')
    if theirs and ours and theirs != tuple(ours):
        raise UserError(f'{cfg.load_from} was trained on the classes {", ".join(theirs)}, the data has '
                        f'{", ".join(ours)}: to start a new training from it, use --weights')


def _start_from(cfg: Config, weights: str) -> None:
    keys = main_first(lambda: list(read_state_dict(weights)))
    rename = getattr(MODELS.get(cfg.model.backbone.type), 'rename_key', lambda key: key)
    below = [key.removeprefix('backbone.') for key in keys if key.startswith('backbone.')]
    if below and all(rename(key) == key for key in below):  # keys of a model as it is built here
        drop_pretrained(cfg)
        cfg.load_from = weights
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='FitWeightsHook')]
    else:
        cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=weights, prefix='backbone.' if below else '')


def _newest_readable(work_dir: str) -> str | None:
    """The newest checkpoint of a work directory that a training run can go on from; None if there is none.

    A run that was killed while it wrote a file leaves a damaged one: the one before it is taken then.
    """
    latest = find_latest_checkpoint(work_dir)
    named = [Path(work_dir) / Path(latest).name] if latest else []  # by name: the directory may have been moved
    others = [path for kind in ('epoch', 'iter') for path in Path(work_dir).glob(f'{kind}_*.pth')]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in dict.fromkeys([path for path in named if path.exists()] + others):
        try:
            return _resumable(str(path))
        except UserError as error:
            print_log(str(error), logger='current')
    return None


def _resumable(path: str | None) -> str | None:
    """`path`, if it is None or a training run can go on from that checkpoint."""
    if path:
        rebuild_checkpoint(load_from_file(path, 'cpu'), path)
    return path
