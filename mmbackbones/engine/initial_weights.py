"""Initial weights of a training run: pre-trained, a whole model's, random, or resumed."""

from functools import partial

from mmengine.config import Config
from mmengine.registry import MODELS
from mmengine.runner import CheckpointLoader

from ..errors import UserError
from ..utils.messages import tell
from ..weights import find_state_dict, read_state_dict, trained_classes
from ..weights.whole_model import BACKBONE, is_whole_model
from .config_tree import dicts_in
from .processes.distributed import main_process_first
from .resume import RunState, find_run


def set_initial_weights(cfg: Config, weights: str | None, from_scratch: bool, resume: str | None) -> RunState | None:
    """Write the initial weights into a config; resuming takes precedence, and then loads no other weights.

    Args:
        cfg: Config of a model with a ``backbone``; changed in place.
        weights: File, URL or short name of a backbone's weights (the authors' or ours) or of a whole model's.
        from_scratch: Load no pre-trained weights.
        resume: A checkpoint to resume from, or ``auto`` for the newest in the work directory; if it has none, the
            training run starts at the beginning, and the log says so.

    Returns:
        The state of the run to resume; None if the training run starts at the beginning.

    Raises:
        UserError: A file cannot be fetched or read.
    """
    if resume and (state := find_run(resume, cfg)):
        drop_pretrained(cfg)
        cfg.resume, cfg.load_from = True, state.path
        # Its priority comes before that of every hook of a config.
        cfg.default_hooks.rebuild_checkpoint = dict(type='RebuildCheckpointHook')
        return state
    cfg.resume = False
    if resume:
        tell(f'nothing to resume in {cfg.work_dir}: starting at the beginning')
    if from_scratch or weights:
        cfg.load_from = None
    if from_scratch:
        drop_pretrained(cfg)
    elif weights:
        _start_from(cfg, weights)
    for checkpoint in _pretrained(cfg) - {weights}:
        try:  # now, rather than after a long check of the data
            main_process_first(partial(_check_readable, checkpoint))
        except UserError as error:
            raise UserError(
                f'cannot load the pre-trained weights: {error}; or pass --weights FILE or --from-scratch'
            ) from error
    return None


def _check_readable(file: str) -> None:
    """Raise UserError if a checkpoint cannot be fetched or read."""
    read_state_dict(file)


def _pretrained(cfg: Config) -> set:
    """The checkpoints that parts of a model are initialized from."""
    nodes = [node for node in dicts_in(cfg.model) if node.get('type') == 'Pretrained' and node.get('checkpoint')]
    return {node['checkpoint'] for node in nodes}


def drop_pretrained(cfg: Config) -> None:
    """Initialize every part of the model at random."""
    for node in dicts_in(cfg.model):
        if isinstance(node.get('init_cfg'), dict) and node['init_cfg'].get('type') == 'Pretrained':
            node['init_cfg'] = None


def checkpoint_classes(path: str) -> tuple[str, ...] | None:
    """The classes in the metadata of a checkpoint, in label order; None if it has none.

    Args:
        path: File or URL of a checkpoint written by MMEngine.

    Raises:
        UserError: It cannot be fetched or read, or holds no weights.
    """
    checkpoint = CheckpointLoader.load_checkpoint(path, 'cpu', logger='silent')
    find_state_dict(checkpoint, path)  # refuse a file without weights now, rather than after a long check of the data
    return trained_classes(checkpoint)


def _start_from(cfg: Config, weights: str) -> None:
    keys = main_process_first(lambda: list(read_state_dict(weights)))
    rename = getattr(MODELS.get(cfg.model.backbone.type), 'rename_key', None)
    below = any(key.startswith(BACKBONE) for key in keys)
    if is_whole_model(keys, rename) if rename else below:  # MMEngine would load other backbones unchecked
        drop_pretrained(cfg)
        cfg.load_from = weights
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='CheckpointMatchHook')]
    else:
        cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint=weights, prefix=BACKBONE if below else '')
