"""How long to train, and learning rate schedules that fit that length."""
from copy import deepcopy

from mmengine.config import Config

from ..errors import UserError

_TIMES = ('begin', 'end', 'T_max', 'total_iters', 'step_size')
_FOR_EVER = 10**8  # MMEngine's default for a scheduler that has no end
_WARM_UP_SHARE = 0.1  # a warm-up counted in iterations of a large data set is cut to this share of a short training


def set_length(cfg: Config, epochs: int | None, iters: int | None) -> None:
    """Train for `epochs` or for `iters`, whichever is given, in place of the config's own length."""
    if epochs and 'max_epochs' in cfg.train_cfg:
        cfg.train_cfg.max_epochs = epochs
    elif epochs:
        cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs, val_interval=1)
        _count(cfg, 'DefaultSampler', 1, by_epoch=True)
    elif iters:
        interval = max(1, iters // 4)
        cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=iters, val_interval=interval)
        _count(cfg, 'InfiniteSampler', interval, by_epoch=False)


def _count(cfg: Config, sampler: str, interval: int, by_epoch: bool) -> None:
    cfg.train_dataloader.sampler = dict(type=sampler, shuffle=True)
    cfg.default_hooks.checkpoint.update(interval=interval, by_epoch=by_epoch)
    cfg.log_processor.by_epoch = by_epoch


def fit_schedulers(schedulers: list[dict], old: dict, new: dict, epoch_length: int) -> list[dict]:
    """Stretch learning rate schedulers, warm-up and decay alike, to another length of training.

    Args:
        schedulers: MMEngine's ``param_scheduler`` configs.
        old: The ``train_cfg`` that they were written for, with ``max_epochs`` or ``max_iters``.
        new: The ``train_cfg`` that is run.
        epoch_length: Iterations in one epoch of the data that is trained on.

    Returns:
        The same schedulers, all counted in iterations, so that fractions of an epoch are kept: decays after 8 and 11
        of 12 epochs come at two thirds and eleven twelfths of a single epoch, too.
    """
    total = new.get('max_iters') or new['max_epochs'] * epoch_length
    fitted = []
    for scheduler in deepcopy(schedulers):
        if 'Exponential' in scheduler['type']:
            raise UserError(f'{scheduler["type"]} has no length that could be fitted; use another scheduler')
        if scheduler.get('by_epoch', True) == ('max_epochs' in old):
            factor = total / (old.get('max_epochs') or old['max_iters'])
        else:  # iterations inside a training of epochs: a warm-up
            factor = new['max_epochs'] / old['max_epochs'] if 'max_epochs' in new else 1.0
            factor = min(factor, _WARM_UP_SHARE * total / max(scheduler.get('end', 1), 1))
        for key in _TIMES:
            if scheduler.get(key, _FOR_EVER) < _FOR_EVER:
                scheduler[key] = round(scheduler[key] * factor)
        if 'milestones' in scheduler:
            scheduler['milestones'] = [round(time * factor) for time in scheduler['milestones']]
        scheduler['by_epoch'] = False
        # A warm-up of one iteration would stay at its first, tiny rate for ever.
        if scheduler.get('end', _FOR_EVER) - scheduler.get('begin', 0) >= 2:
            fitted.append(scheduler)
    return fitted
