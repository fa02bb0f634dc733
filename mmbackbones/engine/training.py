"""A training run, from a config and options to the last iteration."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from time import monotonic
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size, master_only
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch.nn import Module

from ..errors import RunFailed, UserError, summarize_error
from ..utils.config_files import CONFIG_COPY, ConfigLike, config_name, read_config
from ..utils.messages import tell
from ..utils.paths import shown_path
from ..utils.text import counted
from .amp import drop_unsupported_amp, set_amp
from .averaged_weights import set_ema
from .bad_data import set_on_bad_data, stopping_at_unreadable_files
from .batch import check_step_size, require_full_batches, set_batch
from .checkpoints.guard import guard_checkpoints
from .config import complete_config, dump_config
from .config_tree import value_at
from .dataset_config import apply_dataset, is_segmentor, resolve_data_root
from .early_stop import set_early_stop
from .finite_loss import set_on_nan
from .hooks import showing_progress
from .img_scale import set_img_scale
from .initial_weights import set_initial_weights
from .label_options import LabelOptions, check_label_options, labels_as_trained
from .loader_checks import require_loaders
from .log import begin_log, log_operators, logging_prints, logging_warnings
from .metric_config import use_exact_metrics
from .model_checks import check_class_weights, check_single_images
from .option_errors import blaming, building
from .options import flatten, merge_again, options_in, resolve_arguments
from .processes.distributed import ending_after_lost_processes, init_distributed, noticing_lost_processes
from .processes.loss_normalizers import share_normalizers
from .processes.sharding import set_sharding
from .rehearsal import build_model, rehearse
from .results_hook import record_results
from .resume import (
    ResumingRunner,
    RunState,
    check_accumulation,
    check_classes,
    check_early_stop,
    check_length,
    check_model,
    check_optimizer,
    is_newest,
    log_resume,
)
from .run_failure import last_good_checkpoint
from .run_header import print_training
from .run_log import check_log, ending_logs, log_run, without_logs
from .run_record import python_call, run_record
from .run_settings import run_settings
from .schedule import fit_schedulers, set_learning_rate, set_length
from .seeding import depend_on_seed_only
from .stop_signals import stopping, what_is_kept
from .trials import (
    check_batch_search,
    choose_batch_size,
    fit_time_budget,
    set_provisional_length,
    take_over,
)
from .work_dir import WorkDir

# Arguments that entries of the config stand for, and their defaults.
ARGUMENTS: dict[str, Any] = dict(
    epochs=None,
    iters=None,
    batch_size=None,
    lr=None,
    weights=None,
    from_scratch=False,
    amp=False,
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
_INTERVALS = ('train_cfg.val_interval', 'default_hooks.checkpoint.interval')
_DATA = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator')


@logging_warnings()
@noticing_lost_processes()
def run_training(
    config: ConfigLike,
    data: str | None = None,
    img_scale: tuple[int, int] | None = None,
    work_dir: str | None = None,
    cfg_options: dict | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
    **arguments: Any,
) -> Runner:
    """Train a model from a config; what :func:`~mmbackbones.apis.train` does, with the same arguments.

    Args:
        config: Path of a config file, the name of a config of this package, or a config.
        data: ``shapes``, or a data folder.
        img_scale: Width and height in pixels.
        work_dir: Folder for everything that is written.
        cfg_options: Config entries to override.
        background: How label maps are numbered.
        ignore_label: Label whose pixels are ignored.
        arguments: Those of :data:`ARGUMENTS` that differ from their defaults.

    Returns:
        The runner, after training.

    Raises:
        UserError: A mistake in the arguments, the data or the files; nothing was trained.
        RunFailed: The loss or the weights are no longer finite, or a file could not be read or written during training.
        KeyboardInterrupt: Ctrl-C; from the first iteration on after saving.
        SystemExit: SIGTERM, after saving, from the first iteration on.
    """
    began = monotonic()
    options = flatten(cfg_options)
    given = dict(data=data, img_scale=img_scale, work_dir=work_dir, background=background, ignore_label=ignore_label)
    given |= {key: value for key, value in arguments.items() if value != ARGUMENTS[key]}
    call = python_call(config, {**given, 'cfg_options': cfg_options})
    asked = resolve_arguments(ARGUMENTS | arguments, options)
    check_log(asked['log'])
    labels = LabelOptions(background=background, ignore_label=ignore_label)
    begin_log()
    with _file_errors_as_user_errors():
        cfg = read_config(config)
        original_length = deepcopy(cfg.train_cfg)  # the length that the schedules of the config are made for
        with building('', options):
            complete_config(cfg, config_name(config), work_dir, options, keep_length=True)
        check_label_options(cfg, **labels)
        init_distributed(cfg, asked['launcher'])
        with building('', options):
            _apply_arguments(cfg, asked, img_scale, options)
        model, optimizer = rehearse(cfg, original_length, options)
        check_single_images(cfg, model)
    with WorkDir(cfg.work_dir) as folder, ending_logs():
        with _file_errors_as_user_errors():
            root = resolve_data_root(cfg, data)
            if root is not None:
                require_loaders(cfg)
            state = set_initial_weights(cfg, asked['weights'], asked['from_scratch'], asked['resume'])
            if state:
                take_over(cfg, asked, state)
                merge_again(cfg, options_in(options, *_INTERVALS))
                _check_run(state, cfg, model, optimizer)
                if is_segmentor(cfg):
                    labels = labels_as_trained(state.path, **labels, resumed=state.labels)
                log_resume(state, cfg, run_settings(cfg, root, img_scale))
            else:
                folder.log_earlier_checkpoints()
            del model, optimizer
            depend_on_seed_only(cfg, _choose_seed(asked['seed'], state))
            # Late, because the check of a large data set takes long.
            apply_dataset(cfg, root, builtin_dataset=data is None, **labels)
            _check_classes(cfg, state, options)
            merge_again(cfg, options_in(options, *_DATA))
            _try(cfg, asked, original_length, options, began, resumed=state is not None)
            settings = run_settings(cfg, root, img_scale, asked['time_budget'])
            same_run = state if state and (asked['resume'] == 'auto' or is_newest(state, cfg)) else None
            run = folder.start_run(same_run.run if same_run else None, lambda: run_record(cfg, root, call))
            set_on_bad_data(cfg, asked['on_bad_data'], checked=root is not None)
            cfg.custom_hooks.insert(0, dict(type='RunStateHook', run=run, settings=settings))
            log_run(cfg, asked['log'], run, state.iter if state else 0)
            runner = _build_runner(cfg, original_length, options, state)
            _write_config(runner)
        begin = runner.iter
        print_training(runner)
        failed = 'the first iteration of this config fails'
        with (
            ending_after_lost_processes(lambda: last_good_checkpoint(runner)),
            _file_errors_as_failures(runner),
            stopping(runner),
            blaming(options, failed, lambda: runner.iter == begin),
            showing_progress(runner),
            stopping_at_unreadable_files(runner),
            noticing_lost_processes(),
        ):
            runner.train()
    return runner


def _apply_arguments(
    cfg: Config, asked: dict[str, Any], img_scale: tuple[int, int] | None, options: dict[str, Any]
) -> None:
    """Write the arguments into the config, and ``--cfg-options`` over what they wrote."""
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
    else:
        drop_unsupported_amp(cfg)
    if asked['time_budget']:
        set_provisional_length(cfg)
    else:
        set_length(cfg, asked['epochs'], asked['iters'])
    if asked['early_stop']:
        set_early_stop(cfg, asked['early_stop'])
    use_exact_metrics(cfg)
    cfg.train_dataloader.persistent_workers = False  # workers are restarted for each epoch, see ReseedHook
    merge_again(cfg, options)
    set_on_nan(cfg, asked['on_nan'])
    set_ema(cfg, asked['ema'])
    set_sharding(cfg, asked['batch_size'])
    guard_checkpoints(cfg, asked['checkpoint_minutes'])
    record_results(cfg)
    if asked['resume'] is None and cfg.get('resume'):
        asked['resume'] = cfg.get('load_from') or 'auto'
    elif cfg.get('load_from') and not asked['weights'] and not asked['from_scratch']:
        asked['weights'] = cfg.load_from  # MMEngine would load it unchecked, after the check of the data


def _try(
    cfg: Config, asked: dict[str, Any], recipe: dict, options: dict[str, Any], began: float, resumed: bool
) -> None:
    """Find what was left to trials: first the batch size, which the length depends on."""
    with blaming(options, 'a trial of this config fails'):
        if asked['batch_size'] == 'auto':
            choose_batch_size(cfg)
        if asked['time_budget'] and not resumed:
            fit_time_budget(cfg, recipe, asked['time_budget'], began, options.get('train_cfg.val_interval'))
            merge_again(cfg, options_in(options, *_INTERVALS))


def _check_run(state: RunState, cfg: Config, model: Module, optimizer: OptimWrapper) -> None:
    """Raise UserError unless a run of this config can resume from `state`."""
    if state.classes:
        model, optimizer = build_model(cfg, len(state.classes))
    check_model(state, cfg, model)
    check_length(state, cfg)
    check_early_stop(state, cfg)
    check_optimizer(state, optimizer)
    check_accumulation(state, cfg.optim_wrapper.accumulative_counts)


def _check_classes(cfg: Config, state: RunState | None, options: dict[str, Any]) -> None:
    """Raise UserError for what does not match the classes of the data."""
    if state:
        check_classes(state, cfg)
    for key, value in options_in(options, 'model').items():
        if key.endswith('.num_classes') and value_at(cfg, key) != value:
            raise UserError(
                f'--cfg-options {key}={value}: the data has {counted(value_at(cfg, key), "class", "classes")}'
            )
    check_class_weights(cfg)


def _build_runner(cfg: Config, original_length: dict, options: dict[str, Any], state: RunState | None) -> Runner:
    """A runner with its loops and optimizer, ready to train."""
    with building('', options), noticing_lost_processes(), logging_prints():
        runner = ResumingRunner.from_cfg(cfg)
        runner.resumed = state
        log_operators(cfg)
        images, epoch_length = len(runner.train_dataloader.dataset), len(runner.train_dataloader)
    check_step_size(cfg, images, get_world_size())
    if state:
        check_model(state, cfg, getattr(runner.model, 'module', runner.model))
    share_normalizers(runner.model)
    runner.param_schedulers = runner.cfg.param_scheduler = fit_schedulers(
        cfg.get('param_scheduler') or [], original_length, cfg.train_cfg, epoch_length, options
    )
    with building('', options), noticing_lost_processes(), logging_prints():
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        _ = runner.val_loop  # built on first access
    return runner


@master_only
def _write_config(runner: Runner) -> None:
    """Write the config that is run to the work directory, as one that starts such a run from the beginning."""
    cfg = deepcopy(runner.cfg)
    if cfg.resume:
        cfg.resume, cfg.load_from = False, None
        cfg.default_hooks.pop('rebuild_checkpoint', None)
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook['type'] != 'RunStateHook']
    without_logs(cfg)
    dump_config(cfg, Path(cfg.work_dir) / CONFIG_COPY)


def _choose_seed(asked: int | None, state: RunState | None) -> int:
    """The seed that was given, or that of the resumed run, or 0."""
    theirs = state.seed if state else None
    if None not in (asked, theirs) and asked != theirs:
        tell(f'changed settings: seed {theirs} -> {asked}')
    return asked if asked is not None else theirs or 0


@contextmanager
def _file_errors_as_user_errors() -> Iterator[None]:
    """Before training starts, a file that cannot be read or written is a mistake that the user can fix."""
    try:
        yield
    except OSError as error:
        raise UserError(f'{error.filename}: {error.strerror}' if error.filename else summarize_error(error)) from error


@contextmanager
def _file_errors_as_failures(runner: Runner) -> Iterator[None]:
    """When a file cannot be read or written during training, say what is kept of the run."""
    try:
        yield
    except OSError as error:
        told = f'{shown_path(error.filename)}: {error.strerror}' if error.filename else summarize_error(error)
        raise RunFailed(f'{told}; {what_is_kept(runner, error.filename) or "there is no checkpoint yet"}') from error
