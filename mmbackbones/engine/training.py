"""A training run, from a config and options to the last iteration."""

from copy import deepcopy
from time import monotonic
from typing import Any

from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch.nn import Module

from ..errors import UserError
from ..utils.config_files import ConfigLike, config_name, read_config
from ..utils.messages import tell
from ..utils.text import counted
from .arguments import ARGUMENTS, INTERVALS, apply_arguments, apply_trials
from .bad_data import set_on_bad_data, stopping_at_unreadable_files
from .compilation import compile_errors_as_failures
from .config import complete_config
from .config_tree import value_at
from .data_workers import noticing_lost_workers
from .dataset_config import apply_dataset, is_segmentor, resolve_data_root
from .file_errors import file_errors_as_failures, file_errors_as_user_errors
from .hooks import showing_progress
from .initial_weights import set_initial_weights
from .kept_memory import keeping_freed_memory
from .label_options import LabelOptions, check_label_options, labels_as_trained
from .loader_checks import require_loaders
from .log import begin_log, logging_warnings
from .model_checks import check_class_weights, check_single_images
from .option_errors import blaming, building
from .options import flatten, merge_again, options_in, resolve_arguments
from .processes.distributed import ending_after_lost_processes, init_distributed, noticing_lost_processes
from .rehearsal import build_model, rehearse
from .resume import (
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
from .run_building import build_runner, write_config
from .run_failure import last_good_checkpoint
from .run_header import print_training
from .run_log import check_log, ending_logs, log_run
from .run_record import python_call, run_record
from .run_settings import run_settings
from .seeding import depend_on_seed_only
from .stop_signals import stopping
from .trials import take_over
from .work_dir import WorkDir

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
    with file_errors_as_user_errors():
        cfg = read_config(config)
        original_length = deepcopy(cfg.train_cfg)  # the length that the schedules of the config are made for
        with building('', options):
            complete_config(cfg, config_name(config), work_dir, options, keep_length=True)
        check_label_options(cfg, **labels)
        init_distributed(cfg, asked['launcher'])
        with building('', options):
            apply_arguments(cfg, asked, img_scale, options)
        model, optimizer = rehearse(cfg, original_length, options)
        check_single_images(cfg, model)
    with WorkDir(cfg.work_dir) as folder, ending_logs():
        with file_errors_as_user_errors():
            root = resolve_data_root(cfg, data)
            if root is not None:
                require_loaders(cfg)
            state = set_initial_weights(cfg, asked['weights'], asked['from_scratch'], asked['resume'])
            if state:
                take_over(cfg, asked, state)
                merge_again(cfg, options_in(options, *INTERVALS))
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
            apply_trials(cfg, asked, original_length, options, began, resumed=state is not None)
            settings = run_settings(cfg, root, img_scale, asked['time_budget'])
            same_run = state if state and (asked['resume'] == 'auto' or is_newest(state, cfg)) else None
            run = folder.start_run(same_run.run if same_run else None, lambda: run_record(cfg, root, call))
            set_on_bad_data(cfg, asked['on_bad_data'], checked=root is not None)
            cfg.custom_hooks.insert(0, dict(type='RunStateHook', run=run, settings=settings))
            log_run(cfg, asked['log'], run, state.iter if state else 0)
            runner = build_runner(cfg, original_length, options, state)
            write_config(runner)
        begin = runner.iter
        print_training(runner)
        failed = 'the first iteration of this config fails'
        with (
            ending_after_lost_processes(lambda: last_good_checkpoint(runner)),
            file_errors_as_failures(runner),
            compile_errors_as_failures(runner),
            stopping(runner),
            blaming(options, failed, lambda: runner.iter == begin),
            showing_progress(runner),
            keeping_freed_memory(runner),
            stopping_at_unreadable_files(runner),
            noticing_lost_processes(),
            noticing_lost_workers(lambda: last_good_checkpoint(runner)),
        ):
            runner.train()
    return runner


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


def _choose_seed(asked: int | None, state: RunState | None) -> int:
    """The seed that was given, or that of the resumed run, or 0."""
    theirs = state.seed if state else None
    if None not in (asked, theirs) and asked != theirs:
        tell(f'changed settings: seed {theirs} -> {asked}')
    return asked if asked is not None else theirs or 0
