"""Length of training, learning rate, and learning rate schedules that fit the length."""

from collections.abc import Container
from copy import copy, deepcopy
from types import SimpleNamespace

from mmengine.config import Config
from mmengine.optim import _ParamScheduler

from ..errors import UserError

_TIMES = ('begin', 'end', 'T_max', 'total_iters', 'total_steps', 'step_size')
_SEVERAL_TIMES = ('milestones', 'periods')
_FOREVER = 10**8  # MMEngine's default for a scheduler that has no end
_MAX_WARM_UP = 0.1  # share of a training run; a warm-up in iterations of a large data set is cut to it in a short run
_WITHOUT_LENGTH = ('Exponential', 'ReduceOnPlateau')


def set_learning_rate(cfg: Config, lr: float | None, scale_to_batch: bool, accumulate: int) -> None:
    """Set the learning rate, or scale the config's own linearly with the images per optimizer step.

    The linear scaling is MMEngine's ``auto_scale_lr``, from the batch size that the config was made for.

    Args:
        cfg: Config of a training run; changed in place.
        lr: Learning rate, never scaled; None for the config's own.
        scale_to_batch: Scale the config's own rate even if it does not ask for that, because the batch size was set.
        accumulate: Batches per optimizer step.
    """
    if lr:
        cfg.optim_wrapper.optimizer.lr = lr
        cfg.auto_scale_lr = dict(enable=False, base_batch_size=1)
    elif cfg.get('auto_scale_lr'):
        cfg.auto_scale_lr.base_batch_size /= accumulate
        cfg.auto_scale_lr.enable |= scale_to_batch


def scaled_learning_rate(cfg: Config, images: int) -> float:
    """The learning rate that a run has in the end, as MMEngine's ``auto_scale_lr`` scales it.

    Args:
        cfg: Config of a training run, after :func:`set_learning_rate`.
        images: Images per batch, over all processes.
    """
    lr, scale = cfg.optim_wrapper.optimizer.lr, cfg.get('auto_scale_lr') or {}
    return float(lr * images / scale['base_batch_size'] if scale.get('enable') else lr)


def set_length(cfg: Config, epochs: int | None, iters: int | None) -> None:
    """Train for `epochs` or for `iters`, whichever is given, instead of the config's own length."""
    if epochs and 'max_epochs' in cfg.train_cfg:
        cfg.train_cfg.max_epochs = epochs
    elif epochs:
        cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=1)
        _count_in(cfg, 'DefaultSampler', 1, by_epoch=True)
    elif iters:
        interval = max(1, iters // 4)
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iters, val_interval=interval)
        _count_in(cfg, 'InfiniteSampler', interval, by_epoch=False)


def _count_in(cfg: Config, sampler: str, interval: int, by_epoch: bool) -> None:
    cfg.train_dataloader.sampler = dict(type=sampler, shuffle=True)
    cfg.default_hooks.checkpoint.update(interval=interval, by_epoch=by_epoch)
    cfg.log_processor.by_epoch = by_epoch


def fit_schedulers(
    schedulers: list[dict], old: dict, new: dict, epoch_length: int, fixed: Container[str] = ()
) -> list[dict]:
    """Stretch learning rate schedulers, warm-up and decay alike, to another length of training.

    Args:
        schedulers: MMEngine's ``param_scheduler`` configs.
        old: The ``train_cfg`` that they were written for, with ``max_epochs`` or ``max_iters``.
        new: The ``train_cfg`` that is run.
        epoch_length: Iterations per epoch of the training data.
        fixed: Entries that are not stretched because the user set them for this length, such as
            ``param_scheduler.1.milestones``; ``param_scheduler`` for all.

    Returns:
        The same schedulers, all counted in iterations, so that fractions of an epoch are kept: decays after 8 and 11
        of 12 epochs come after two thirds and eleven twelfths of a run of one epoch, too.

    Raises:
        UserError: A scheduler has no length that could be stretched, or ends before the training run does.
    """
    total = new.get('max_iters') or new['max_epochs'] * epoch_length
    fitted = []
    for number, scheduler in enumerate(deepcopy(schedulers)):
        if any(name in scheduler['type'] for name in _WITHOUT_LENGTH):
            raise UserError(f'{scheduler["type"]} has no length that could be fitted; use another scheduler')
        by_epoch = scheduler.get('by_epoch', True)
        if by_epoch == ('max_epochs' in old):
            factor = total / (old.get('max_epochs') or old['max_iters'])
        else:  # iterations inside a run that is counted in epochs: a warm-up
            factor = new['max_epochs'] / old['max_epochs'] if 'max_epochs' in new else 1.0
            factor = min(factor, _MAX_WARM_UP * total / max(scheduler.get('end', 1), 1))
        for key in (*_TIMES, *_SEVERAL_TIMES):
            kept = 'param_scheduler' in fixed or f'param_scheduler.{number}.{key}' in fixed
            stretch = factor if not kept else epoch_length if by_epoch else 1
            if key in _SEVERAL_TIMES and key in scheduler:
                scheduler[key] = [round(time * stretch) for time in scheduler[key]]
            elif key in _TIMES and (scheduler.get(key) or 0) < _FOREVER and scheduler.get(key) is not None:
                scheduler[key] = round(scheduler[key] * stretch)
        scheduler['by_epoch'] = False
        scheduler.pop('convert_to_iter_based', None)  # it is converted already, and MMEngine would expect epochs
        steps = min(scheduler.get('end', _FOREVER), total) - scheduler.get('begin', 0)
        if scheduler.get('total_steps', steps) < steps:
            raise UserError(
                f'the total_steps of {scheduler["type"]} are fewer than the iterations of this training run: '
                'set more, or an end'
            )
        # A warm-up of one iteration would stay at its first, tiny rate forever.
        if scheduler.get('end', _FOREVER) - scheduler.get('begin', 0) >= 2:
            fitted.append(scheduler)
    return fitted


def advance(schedulers: list[_ParamScheduler], steps: int) -> None:
    """Advance new schedulers, and the rates of their optimizer, by `steps` iterations.

    The values are those of `steps` calls of ``step()``, bit for bit. Parameter groups that start from the same values
    are computed once, so that 160,000 iterations of hundreds of groups take seconds.

    Args:
        schedulers: All schedulers of one optimizer, none of them stepped yet, all counted in iterations.
        steps: Number of iterations.
    """
    if not schedulers or not steps:
        return
    optimizer = schedulers[0].optimizer
    groups = optimizer.param_groups
    values = [
        {key: value for key, value in group.items() if isinstance(value, int | float | tuple)} for group in groups
    ]
    distinct = {repr(value): index for index, value in enumerate(values)}  # one of each kind of group
    places = {kind: place for place, kind in enumerate(distinct)}

    proxy = SimpleNamespace(
        param_groups=[dict(values[index]) for index in distinct.values()],
        step=SimpleNamespace(_with_counter=True),  # MMEngine's mark of an optimizer that counts its steps
        defaults=optimizer.defaults,
        _global_step=0,
    )
    copies = []
    for scheduler in schedulers:
        twin = copy(scheduler)
        twin.optimizer, twin.verbose = proxy, False
        twin.base_values = [scheduler.base_values[index] for index in distinct.values()]
        copies.append(twin)
    for _ in range(steps):
        for twin in copies:
            twin.step()
    here = [places[repr(value)] for value in values]
    for scheduler, twin in zip(schedulers, copies, strict=True):
        own = {key: vars(scheduler)[key] for key in ('optimizer', 'verbose', 'base_values')}
        vars(scheduler).update({**vars(twin), **own, '_last_value': [twin._last_value[place] for place in here]})
    for group, place in zip(groups, here, strict=True):
        group.update(proxy.param_groups[place])
