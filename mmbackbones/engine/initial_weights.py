"""What a training starts from: pre-trained weights, a whole model, nothing, or its own earlier self."""

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import MODELS
from mmengine.runner import CheckpointLoader

from ..errors import UserError
from ..weights import find_state_dict, read_state_dict, trained_classes
from .config import dicts_in
from .distributed import main_process_first
from .resume import RunState, find_run


def set_initial_weights(cfg: Config, weights: str | None, from_scratch: bool, resume: str | None) -> RunState | None:
    """Write into `cfg` what the training starts from; a training to go on with comes before all else.

    Args:
        cfg: Config of a model with a ``backbone``.
        weights: File, URL or short name of a backbone's weights (the authors' or ours) or a whole model's.
        from_scratch: Load no pre-trained weights.
        resume: A checkpoint to go on from, or ``auto`` for the newest in the work directory; if that has none, the
            training starts at its beginning and says so. To go on takes neither pre-trained weights nor a network.

    Returns:
        What the checkpoint to go on with says; None if the training starts at its beginning.

    Raises:
        UserError: A file can't be had or can't be read.
    """
    if resume and (state := find_run(resume, cfg)):
        drop_pretrained(cfg)
        cfg.resume, cfg.load_from = True, state.path
        cfg.default_hooks.rebuild_checkpoint = dict(type='RebuildCheckpointHook')  # before all hooks of a config
        return state
    cfg.resume = False
    if resume:
        print_log(f'nothing to resume in {cfg.work_dir}: starting at the beginning', logger='current')
    if from_scratch or weights:
        cfg.load_from = None
    if from_scratch:
        drop_pretrained(cfg)
    elif weights:
        _start_from(cfg, weights)
    for checkpoint in _pretrained(cfg) - {weights}:
        try:  # now, not after a long check of the data
            main_process_first(lambda file=checkpoint: read_state_dict(file) and None)
        except UserError as error:
            raise UserError(
                f'the pre-trained weights are not to be had: {error}; --weights FILE names another file, '
                '--from-scratch does without'
            ) from error
    return None


def _pretrained(cfg: Config) -> set:
    """The checkpoints that parts of the model start from."""
    nodes = [node for node in dicts_in(cfg.model) if node.get('type') == 'Pretrained' and node.get('checkpoint')]
    return {node['checkpoint'] for node in nodes}


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


def _start_from(cfg: Config, weights: str) -> None:
    keys = main_process_first(lambda: list(read_state_dict(weights)))
    rename = getattr(MODELS.get(cfg.model.backbone.type), 'rename_key', lambda key: key)
    below = [key.removeprefix('backbone.') for key in keys if key.startswith('backbone.')]
    if below and all(rename(key) == key for key in below):  # keys of a model as it is built here
        drop_pretrained(cfg)
        cfg.load_from = weights
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='CheckpointMatchHook')]
    else:
        cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=weights, prefix='backbone.' if below else '')
