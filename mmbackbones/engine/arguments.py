"""The arguments of a training run, written into its config."""

from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size

from .amp import fit_amp, set_amp
from .averaged_weights import set_ema
from .batch import require_full_batches, set_batch
from .checkpoints.guard import guard_checkpoints
from .compilation import set_compile
from .dataset_config import is_segmentor
from .early_stop import set_early_stop
from .finite_loss import set_on_nan
from .img_scale import set_img_scale
from .metric_config import use_exact_metrics
from .option_errors import blaming
from .options import merge_again, options_in
from .processes.sharding import set_sharding
from .results_hook import record_results
from .schedule import set_learning_rate, set_length
from .trials import check_batch_search, choose_batch_size, fit_time_budget, set_provisional_length

# Arguments that entries of the config stand for, and their defaults.
ARGUMENTS: dict[str, Any] = dict(
    epochs=None,
    iters=None,
    batch_size=None,
    lr=None,
    weights=None,
    from_scratch=False,
    amp=False,
    compile=False,
    accumulate=1,
    resume=None,
    seed=None,
    launcher='none',
    log=None,
    ema=False,
    early_stop=None,
    time_budget=None,
    checkpoint_minutes=None,
    on_bad_data='stop',
    on_nan='stop',
)
# Entries that a time budget sets, over which ``--cfg-options`` win as over all others.
INTERVALS = ('train_cfg.val_interval', 'default_hooks.checkpoint.interval')


def apply_arguments(
    cfg: Config, asked: dict[str, Any], img_scale: tuple[int, int] | None, options: dict[str, Any]
) -> None:
    """Write the arguments into the config, and ``--cfg-options`` over what they wrote.

    Args:
        cfg: The config, complete; changed in place.
        asked: A value for each of :data:`ARGUMENTS`; where the config asks to load or resume a checkpoint and they do
            not, that is set here.
        img_scale: Width and height in pixels; None for the config's own.
        options: Flat ``--cfg-options``.

    Raises:
        UserError: An argument does not go together with the config, the device or another argument.
    """
    if img_scale:
        set_img_scale(cfg, *img_scale)
    if asked['batch_size'] == 'auto':
        check_batch_search()
    set_batch(cfg, None if asked['batch_size'] == 'auto' else asked['batch_size'], asked['accumulate'])
    set_learning_rate(cfg, asked['lr'], asked['batch_size'] is not None, asked['accumulate'])
    if is_segmentor(cfg):
        require_full_batches(cfg, get_world_size())
    if asked['amp']:
        set_amp(cfg)
    if asked['compile']:
        set_compile(cfg)
    if asked['time_budget']:
        set_provisional_length(cfg)
    else:
        set_length(cfg, asked['epochs'], asked['iters'])
    if asked['early_stop']:
        set_early_stop(cfg, asked['early_stop'])
    use_exact_metrics(cfg)
    cfg.train_dataloader.persistent_workers = False  # the loops keep them, see may_keep_workers
    merge_again(cfg, options)
    fit_amp(cfg)
    set_on_nan(cfg, asked['on_nan'])
    set_ema(cfg, asked['ema'])
    set_sharding(cfg, asked['batch_size'])
    guard_checkpoints(cfg, asked['checkpoint_minutes'])
    record_results(cfg)
    if asked['resume'] is None and cfg.get('resume'):
        asked['resume'] = cfg.get('load_from') or 'auto'
    elif cfg.get('load_from') and not asked['weights'] and not asked['from_scratch']:
        asked['weights'] = cfg.load_from  # MMEngine would load it unchecked, after the check of the data


def apply_trials(
    cfg: Config, asked: dict[str, Any], recipe: dict, options: dict[str, Any], began: float, resumed: bool
) -> None:
    """Find what was left to trials: first the batch size, which the length depends on.

    Args:
        cfg: The config that is run, with its data; changed in place.
        asked: As for :func:`apply_arguments`.
        recipe: The ``train_cfg`` that the config's schedules were written for.
        options: Flat ``--cfg-options``.
        began: When the run began, by :func:`time.monotonic`.
        resumed: Whether the length was fixed by the run that is resumed.

    Raises:
        UserError: Nothing fits, or a trial fails because of `options`.
    """
    with blaming(options, 'a trial of this config fails'):
        if asked['batch_size'] == 'auto':
            choose_batch_size(cfg)
        if asked['time_budget'] and not resumed:
            fit_time_budget(cfg, recipe, asked['time_budget'], began, options.get('train_cfg.val_interval'))
            merge_again(cfg, options_in(options, *INTERVALS))
