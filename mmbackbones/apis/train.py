"""The verb ``train``: a training run."""

import os
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.runner import Runner

from ..engine.checkpoints.hook import WholeCheckpointHook
from ..engine.img_scale import checked_img_scale
from ..engine.processes.distributed import main_process_first
from ..engine.results_hook import CURVES
from ..engine.runner_facts import hook_of, last_checkpoint
from ..engine.training import run_training
from ..errors import UserError, printable
from ..evaluation.summary import leading_metrics
from ..utils.arguments import check_counts, check_switches
from ..utils.config_files import CONFIG_COPY, ConfigLike
from ..utils.paths import path_text, shown_path


@dataclass(frozen=True)
class TrainResult:
    """What a training run leaves; all paths are absolute.

    Attributes:
        work_dir: Folder of everything that was written.
        config: Copy of the config that was run, in `work_dir`, with the classes and the data in it.
        checkpoint: The last checkpoint; after ``resume``, if there was nothing left to train, the resumed one. None:
            the config writes no checkpoints.
        best_checkpoint: The best checkpoint, chosen by `metric` among those that were validated. If no validation chose
            one, it is `checkpoint`.
        metric: Name in `metrics` of what the best was chosen by: the config's ``default_hooks.checkpoint.save_best``,
            or the first one if there are several, such as ``bbox_mAP`` or ``mIoU``. None: no validation chose.
        metrics: What the validation of `best_checkpoint` found, under the names that ``metrics.json`` has, for all
            classes together: fractions from 0 to 1, or -1 where there was no ground truth. Empty if it was not
            validated.
        classes: Names of the classes; the index is the label.
    """

    work_dir: Path
    config: Path
    checkpoint: Path | None
    best_checkpoint: Path | None
    metric: str | None
    metrics: dict[str, float]
    classes: tuple[str, ...]


def train(
    config: ConfigLike,
    data: str | os.PathLike[str] | None = None,
    img_scale: tuple[int, int] | None = None,
    epochs: int | None = None,
    iters: int | None = None,
    batch_size: int | str | None = None,
    lr: float | None = None,
    weights: str | os.PathLike[str] | None = None,
    from_scratch: bool = False,
    amp: bool = False,
    compile: bool = False,
    accumulate: int = 1,
    resume: str | os.PathLike[str] | None = None,
    work_dir: str | os.PathLike[str] | None = None,
    seed: int | None = None,
    launcher: str = 'none',
    cfg_options: dict[str, Any] | None = None,
    background: str | None = None,
    ignore_label: int | None = None,
    log: str | None = None,
    ema: bool = False,
    early_stop: int | None = None,
    time_budget: float | None = None,
    checkpoint_minutes: float | None = None,
    on_bad_data: str = 'stop',
    on_nan: str | tuple[str, int] = 'stop',
) -> TrainResult:
    """Train a detector or a segmentor, and return where its checkpoints are and how good the best one is.

    Arguments, config and data are checked before the first iteration, so that a mistake costs seconds. The classes are
    read from the data. Everything that is written goes to `work_dir`, and nothing to the data folder.

    Example:
        >>> import mmbackbones as mmb
        >>> run = mmb.train('retinanet_van_t', data='photos', epochs=12, batch_size=4)
        >>> run.best_checkpoint
        PosixPath('/home/ann/work_dirs/retinanet_van_t/best_coco_bbox_mAP_epoch_11.pth')
        >>> run.metrics['bbox_mAP_50']
        0.8125

    Args:
        config: The model and its training recipe: the name of a config of this package, such as ``'mask_rcnn_van_b'``,
            the path of a config file, or an MMEngine ``Config``, which is not changed.
        data: A folder of images and annotations in a format that :func:`~mmbackbones.apis.check_data` knows, or
            ``'shapes'``, a small data set that is generated. None: the data set that the config names, such as COCO
            2017 in ``data/coco``.
        img_scale: (width, height) in pixels that images are resized to fit into, for training and validation; the
            aspect ratio is kept. None: as the config says.
        epochs: Length in epochs, 1 or more; learning rate schedules are stretched to it. None: as the config says.
        iters: Length in iterations (batches), in place of `epochs`.
        batch_size: Images per batch, on each GPU; ``'auto'``: the most that fit into its memory. The learning rate is
            scaled with it, unless `lr` is given. None: as the config says.
        lr: Learning rate, above 0, which is not scaled. None: the config's, for the config's batch size.
        weights: Where the weights start: a file, URL or short name (``'van-b2'``) of a backbone, or the checkpoint of a
            whole model, also of one with other classes. None: as the config says, for most configs the backbone's
            weights from ImageNet, downloaded once.
        from_scratch: Start from random weights.
        amp: Mixed precision: faster, with less memory. float16 on GPUs, bfloat16 on CPUs that have instructions for
            it.
        compile: Compile the backbone with `torch.compile`: the first iteration takes minutes, all others less time on a
            GPU.
        accumulate: Batches whose gradients are summed for each step of the optimizer, 1 or more.
        resume: Continue an interrupted run, with the arguments that it was started with: one of its checkpoints, or
            ``'auto'`` for the newest one in `work_dir`.
        work_dir: Folder for checkpoints, logs and the config that is run. None: ``work_dirs/<name of the config>`` in
            the current folder.
        seed: Seed of every random draw, 0 or more. None: 0, or that of the resumed run.
        launcher: What started the processes, for several GPUs: ``'none'``, ``'pytorch'`` (torchrun), ``'slurm'`` or
            ``'mpi'``.
        cfg_options: Entries of the config to override, by dotted names, as in ``{'train_dataloader.num_workers': 4}``.
            They win over every other argument.
        background: Label 0, which is what no object covers in most label maps: ``'class'``, it is the first class, or
            ``'ignore'``, it is ignored, and label 1 is the first class. None: as the format says, or else as the
            labels tell.
        ignore_label: Pixels of this value in label maps are ignored, as those of 255 are unless it is a class.
        log: Where losses, rates and metrics are logged, too, beside ``results.csv`` in `work_dir`: ``'tensorboard'``,
            ``'wandb'`` (Weights & Biases) or ``'mlflow'``. Each needs the extra of its name.
        ema: Validate and save the exponential moving average of the weights.
        early_stop: End the run after so many validations in a row without a better figure.
        time_budget: Hours that the run may take, in place of `epochs` and `iters`: its length in iterations follows
            from a short trial before the first one.
        checkpoint_minutes: Also save a checkpoint whenever the last one is so many minutes old.
        on_bad_data: What an image does that can no longer be read during training: ``'stop'``, it ends the run, or
            ``'skip'``, another one takes its place, and it is listed at the end.
        on_nan: What a loss does that is not finite: ``'stop'``, it ends the run, or ``('skip', N)``, up to N such
            batches are left out.

    Returns:
        The paths and figures of the run. The model itself is no longer in memory. With several processes, each of them
        gets the same result.

    Raises:
        UserError: A mistake in the arguments, the config, the data or the files; nothing was trained. The message is
            one sentence that says what to do.
        RunFailed: The loss or the weights are no longer finite, or a file could not be read or written during training.
            Checkpoints until then are kept.
        KeyboardInterrupt: Ctrl-C; from the first iteration on after saving.
        SystemExit: SIGTERM, from the first iteration on, after saving.
    """
    check_counts(
        epochs=epochs,
        iters=iters,
        batch_size=None if batch_size == 'auto' else batch_size,
        accumulate=accumulate,
        early_stop=early_stop,
    )
    if sum(map(bool, (epochs, iters, time_budget))) > 1:
        raise UserError('a run has one length: give epochs, iters or time_budget')
    if weights and from_scratch:
        raise UserError('from_scratch starts from random weights: leave out weights')
    if lr is not None and not _is_positive(lr):
        raise UserError(f'lr must be a number above 0, got {lr!r}')
    for name, value in (('time_budget', time_budget), ('checkpoint_minutes', checkpoint_minutes)):
        if value is not None and not _is_positive(value):
            raise UserError(f'{name} must be a number above 0, got {value!r}')
    if on_bad_data not in ('stop', 'skip'):
        raise UserError(f"on_bad_data must be 'stop' or 'skip', got {on_bad_data!r}")
    if on_nan != 'stop':
        _check_skip(on_nan)
    img_scale = checked_img_scale(img_scale)
    check_switches(from_scratch=from_scratch, amp=amp, compile=compile, ema=ema)
    runner = run_training(
        config,
        data=path_text('data', data),
        img_scale=img_scale,
        epochs=epochs,
        iters=iters,
        batch_size=batch_size,
        lr=lr,
        weights=path_text('weights', weights),
        from_scratch=from_scratch,
        amp=amp,
        compile=compile,
        accumulate=accumulate,
        resume=path_text('resume', resume),
        work_dir=path_text('work_dir', work_dir),
        seed=seed,
        launcher=launcher,
        cfg_options=cfg_options,
        background=background,
        ignore_label=ignore_label,
        log=log,
        ema=ema,
        early_stop=early_stop,
        time_budget=time_budget,
        checkpoint_minutes=checkpoint_minutes,
        on_bad_data=on_bad_data,
        on_nan=on_nan,
    )
    result = main_process_first(lambda: _result(runner))
    _print_best(result)
    return result


def _is_positive(value: Any) -> bool:
    is_number = isinstance(value, Real) and type(value) is not bool
    return is_number and 0 < value < float('inf')


def _check_skip(on_nan: Any) -> None:
    if not isinstance(on_nan, tuple) or len(on_nan) != 2 or on_nan[0] != 'skip':
        raise UserError(f"on_nan must be 'stop' or ('skip', N), got {on_nan!r}")
    check_counts(on_nan=on_nan[1])


@master_only
def _print_best(result: TrainResult) -> None:
    """Print which checkpoint is the best, and how good it is."""
    names = leading_metrics(result.metrics, result.metric)
    figures = ', '.join(f'{printable(name)} {result.metrics[name]:.3f}' for name in names)
    print()
    if result.best_checkpoint is None:
        print('no checkpoint was written: the config asks for none')
    elif result.metric is None:
        print(f'last checkpoint: {printable(shown_path(result.best_checkpoint))}', figures or '(not validated)')
    else:
        print(f'best checkpoint: {printable(shown_path(result.best_checkpoint))}')
        print(f'its figures:     {figures}')
    if (result.work_dir / CURVES).is_file():
        print(f'curves:          {printable(shown_path(result.work_dir / CURVES))}')


def _result(runner: Runner) -> TrainResult:
    work_dir = Path(runner.work_dir)
    hook = hook_of(runner, WholeCheckpointHook)
    last = last_checkpoint(runner)
    best, metric, metrics = (hook and hook.best_checkpoint()) or (last, None, {})
    if hook and metric is None:
        metrics = hook.metrics.get(runner.epoch if hook.by_epoch else runner.iter, {})
    return TrainResult(
        work_dir=work_dir,
        config=work_dir / CONFIG_COPY,
        checkpoint=last,
        best_checkpoint=best,
        metric=metric,
        metrics=metrics,
        classes=tuple(runner.train_dataloader.dataset.metainfo.get('classes') or ()),
    )
