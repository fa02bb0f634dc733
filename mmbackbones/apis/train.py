"""Training, as ``tools/train.py`` does it."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size, master_only
from mmengine.logging import print_log
from mmengine.runner import Runner

from ..engine.checkpoint_hook import guard_checkpoints
from ..engine.config import complete, drop_amp, dump_config, require_full_batches, set_amp, set_batch, set_img_scale
from ..engine.dataset_config import apply_dataset, is_segmentor, resolve_data_root
from ..engine.distributed import start
from ..engine.initial_weights import set_initial_weights
from ..engine.label_options import check_label_options, labels_as_trained
from ..engine.log import escape_log, log_operators
from ..engine.metric_config import use_exact_metrics
from ..engine.options import below, flatten, merge, settle, value_at
from ..engine.rehearsal import (
    blaming,
    build_model,
    building,
    check_class_weights,
    check_single_images,
    rehearse,
)
from ..engine.resume import (
    ResumingRunner,
    RunState,
    check_accumulation,
    check_classes,
    check_length,
    check_model,
    check_optimizer,
    is_newest,
    log_resume,
)
from ..engine.schedule import fit_schedulers, set_length
from ..engine.seeding import depend_on_seed_only
from ..engine.work_dir import WorkDir
from ..errors import UserError, summarize_error
from ..utils.config_files import read_config

_DATA = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator', 'test_evaluator')


def train(
    config: str,
    data: str | None = None,
    img_scale: tuple[int, int] | None = None,
    epochs: int | None = None,
    iters: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    weights: str | None = None,
    from_scratch: bool = False,
    amp: bool = False,
    accumulate: int = 1,
    resume: str | None = None,
    work_dir: str | None = None,
    seed: int | None = None,
    launcher: str = 'none',
    cfg_options: dict | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
) -> Runner:
    """Train a model from a config.

    Args:
        config: Path of a config file.
        data: ``shapes``, or a folder in any of the known formats; None for the config's own data.
        img_scale: Width and height in pixels that images are resized to fit into.
        epochs: Length of the training; the schedule stretches with it.
        iters: The same in iterations.
        batch_size: Images in a batch, for each process.
        lr: Learning rate; without it the config's, scaled to the batch size.
        weights: File, URL or short name to start from, of a backbone or of a whole model.
        from_scratch: Start from random weights.
        amp: Mixed precision. A recipe that has it without being asked does without where there is no GPU.
        accumulate: Batches that one optimizer step sums gradients over.
        resume: A checkpoint to go on from, or ``auto`` for the newest in `work_dir`.
        work_dir: Where everything is written; ``work_dirs/<config>`` by default.
        seed: Of every random draw; by default 0, or that of the run that is gone on with.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        cfg_options: Any config entries to override, by dotted names. They win over every other argument.
        background: Of label maps: ``ignore`` if label 0 is ignored and label 1 is the first class, ``class`` if label 0
            is the first class; as the labels tell, without it.
        ignore_label: Pixels of this label are ignored in label maps, as those of 255 always are.

    Returns:
        The runner, when training is over.

    Raises:
        UserError: Something in the arguments, the data or the files that the user can put right. Nothing has been
            trained then.
        OSError: A file could not be read or written in the middle of the training.
    """
    options = flatten(cfg_options)
    asked = settle(
        dict(
            epochs=epochs,
            iters=iters,
            batch_size=batch_size,
            lr=lr,
            weights=weights,
            amp=amp,
            from_scratch=from_scratch,
            accumulate=accumulate,
            resume=resume,
            seed=seed,
            launcher=launcher,
        ),
        options,
    )
    with _before_the_start(options):
        cfg = read_config(config)
        recipe = deepcopy(cfg.train_cfg)
        complete(cfg, config, work_dir, options, stretch=True)
        check_label_options(cfg, background, ignore_label)
        start(cfg, asked['launcher'])
        escape_log()
        with building('', options):
            _apply(cfg, asked, img_scale, options)
        model, optimizer = rehearse(cfg, recipe, options)
        check_single_images(cfg, model)
    with WorkDir(cfg.work_dir) as folder:
        with _before_the_start(options):
            root = resolve_data_root(cfg, data)
            if root is not None and not root.exists():
                raise UserError(f'{root} does not exist: --data takes a folder, or shapes')
            settings = _settings(cfg, root, img_scale)
            labels = dict(background=background, ignore_label=ignore_label)
            state = set_initial_weights(cfg, asked['weights'], asked['from_scratch'], asked['resume'])
            if state:
                _check_run(state, cfg, model, optimizer)
                if is_segmentor(cfg):
                    labels = labels_as_trained(state.path, **labels, resumed=state.labels)
                log_resume(state, cfg, settings)
            else:
                folder.log_earlier_checkpoints()
            del model, optimizer
            depend_on_seed_only(cfg, _seed(asked['seed'], state))
            apply_dataset(cfg, root, own=data is None, **labels)  # last, because checking much data takes long
            _check_data(cfg, state, options)
            merge(cfg, below(options, *_DATA), again=True)
            same = state and (asked['resume'] == 'auto' or is_newest(state, cfg))
            run = folder.start_run(state.run if same else None)
            cfg.custom_hooks.insert(0, dict(type='RunStateHook', run=run, settings=settings))
            runner = _build(cfg, recipe, options, state)
        begin = runner.iter
        with blaming(options, 'the first iteration of this config fails', lambda: runner.iter == begin):
            runner.train()
    return runner


def _apply(cfg: Config, asked: dict[str, Any], img_scale: tuple[int, int] | None, options: dict[str, Any]) -> None:
    """Write the command line's options into the config; ``--cfg-options`` once more over what they wrote."""
    if img_scale:
        set_img_scale(cfg, *img_scale)
    set_batch(cfg, asked['batch_size'], asked['lr'], asked['accumulate'])
    if is_segmentor(cfg):
        require_full_batches(cfg, get_world_size())
    if asked['amp']:
        set_amp(cfg)
    else:
        drop_amp(cfg)
    set_length(cfg, asked['epochs'], asked['iters'])
    use_exact_metrics(cfg)
    cfg.train_dataloader.persistent_workers = False  # they are started anew for each epoch, see ReseedHook
    merge(cfg, options, again=True)
    guard_checkpoints(cfg)
    if asked['resume'] is None and cfg.get('resume'):
        asked['resume'] = cfg.get('load_from') or 'auto'
    elif cfg.get('load_from') and not asked['weights'] and not asked['from_scratch']:
        asked['weights'] = cfg.load_from  # MMEngine would load it after the check of the data, and whatever is in it


def _check_run(state: RunState, cfg: Config, model, optimizer) -> None:
    """Raise UserError unless the run that `state` is of can be gone on with as `cfg` asks."""
    if state.classes:
        model, optimizer = build_model(cfg, len(state.classes))
    check_model(state, cfg, model)
    check_length(state, cfg)
    check_optimizer(state, optimizer)
    check_accumulation(state, cfg.optim_wrapper.accumulative_counts)


def _check_data(cfg: Config, state: RunState | None, options: dict[str, Any]) -> None:
    """What can only be checked when the classes are known."""
    if state:
        check_classes(state, cfg)
    for key, value in below(options, 'model').items():
        if key.endswith('.num_classes') and value_at(cfg, key) != value:
            raise UserError(f'--cfg-options {key}={value}: the data has {value_at(cfg, key)} classes')
    check_class_weights(cfg)


def _build(cfg: Config, recipe: dict, options: dict[str, Any], state: RunState | None) -> Runner:
    """A runner whose loops and optimizer are built, ready to train."""
    with building('', options):
        runner = ResumingRunner.from_cfg(cfg)
        runner.resumed = state
        escape_log()
        log_operators(cfg)
        images, epoch_length = len(runner.train_dataloader.dataset), len(runner.train_dataloader)
    _check_batch(cfg, images)
    if state:
        check_model(state, cfg, getattr(runner.model, 'module', runner.model))
    runner.param_schedulers = runner.cfg.param_scheduler = fit_schedulers(
        cfg.get('param_scheduler') or [], recipe, cfg.train_cfg, epoch_length, options
    )
    with building('', options):
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        _ = runner.val_loop  # built when it is first asked for
    _leave_config(runner)
    return runner


@master_only
def _leave_config(runner: Runner) -> None:
    """Leave the config that is run in the work directory, as one that starts such a run anew."""
    cfg = deepcopy(runner.cfg)
    if cfg.resume:
        cfg.resume, cfg.load_from = False, None
        cfg.default_hooks.pop('rebuild_checkpoint', None)
    cfg.custom_hooks = [hook for hook in cfg.custom_hooks if hook['type'] != 'RunStateHook']
    dump_config(cfg, Path(cfg.work_dir) / Path(cfg.filename).name)


def _check_batch(cfg: Config, images: int) -> None:
    """Raise UserError if one optimizer step sees more images than there are."""
    factors = [
        (cfg.train_dataloader.batch_size, 'images a batch'),
        (get_world_size(), 'processes'),
        (cfg.optim_wrapper.get('accumulative_counts', 1), 'batches a step'),
    ]
    needed = 1
    for factor, _ in factors:
        needed *= factor
    if needed > images:
        said = ' x '.join(f'{factor} {name}' for factor, name in factors if factor > 1 or name == 'images a batch')
        raise UserError(
            f'there are {images} images to train on, and one step would take {needed} ({said}): use a '
            'smaller --batch-size or --accumulate'
        )


def _settings(cfg: Config, root: Path | None, img_scale: tuple[int, int] | None) -> dict[str, int | float | str]:
    """What a run that goes on with this one is compared with."""
    batch, processes = cfg.train_dataloader.batch_size, get_world_size()
    lr, scale = cfg.optim_wrapper.optimizer.lr, cfg.get('auto_scale_lr') or {}
    if scale.get('enable'):
        lr = lr * batch * processes / scale['base_batch_size']
    place = str(root.absolute())[-150:] if root else 'of the config'  # short, as whatever is read from a checkpoint
    return dict(
        data=''.join(letter if letter.isprintable() else '?' for letter in place),
        batch_size=batch,
        processes=processes,
        accumulate=cfg.optim_wrapper.get('accumulative_counts', 1),
        lr=float(lr),
        img_scale=f'{img_scale[0]}x{img_scale[1]}' if img_scale else 'of the config',
        amp=cfg.optim_wrapper.get('type') == 'AmpOptimWrapper',
        optimizer=str(cfg.optim_wrapper.optimizer.type),
    )


def _seed(asked: int | None, state: RunState | None) -> int:
    """The seed that is asked for, else that of the run that is gone on with, else 0."""
    theirs = state.seed if state else None
    if None not in (asked, theirs) and asked != theirs:
        print_log(f'other than before: seed {theirs} -> {asked}', logger='current')
    return asked if asked is not None else theirs or 0


@contextmanager
def _before_the_start(options: dict[str, Any]) -> Iterator[None]:
    """What goes wrong with files or ``--cfg-options`` before the training starts is for the user to put right."""
    try:
        with blaming(options):
            yield
    except OSError as error:
        raise UserError(f'{error.filename}: {error.strerror}' if error.filename else summarize_error(error)) from error
