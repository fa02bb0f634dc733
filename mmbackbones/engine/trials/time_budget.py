"""``--time-budget``: a length in iterations that fits into the hours that are there."""

from time import monotonic

from mmengine.config import Config

from ...utils.messages import tell
from ...utils.text import counted, duration
from ..processes.distributed import main_process_first
from ..schedule import set_length
from .plan import plan_length
from .trial_run import try_run

_PROVISIONAL = 1000  # iterations, until a trial has told how many


def set_provisional_length(cfg: Config) -> None:
    """Have a config counted in iterations, of which :func:`fit_time_budget` sets the number."""
    set_length(cfg, None, _PROVISIONAL)


def set_planned_length(cfg: Config, iterations: int, interval: int) -> None:
    """Set the length of a run, and the iterations between two of its validations and checkpoints."""
    cfg.train_cfg.update(max_iters=iterations, val_interval=interval)
    if checkpoint := cfg.default_hooks.get('checkpoint'):
        checkpoint.interval = interval


def fit_time_budget(cfg: Config, recipe: dict, hours: float, began: float, interval: int | None = None) -> None:
    """Set as many iterations as fit into a time, with their validations and checkpoints.

    Args:
        cfg: The config that is run, with its data and batch size, counted in iterations; changed in place.
        recipe: The ``train_cfg`` that its schedules were written for.
        hours: The time.
        began: When it began, by :func:`time.monotonic`.
        interval: Iterations between two validations, if they are given.

    Raises:
        UserError: An iteration and a validation do not fit.
    """
    tell('--time-budget: measuring how long iterations, a validation and a checkpoint take')
    speed, epoch = try_run(cfg, recipe, hours)
    plan = main_process_first(lambda: plan_length(hours, monotonic() - began, speed, epoch, interval))
    set_planned_length(cfg, plan.iterations, plan.interval)
    tell(
        f'--time-budget {hours:g}: {counted(plan.iterations, "iteration")} of {speed.iteration:.2g} s '
        f'({plan.iterations / epoch:.3g} epochs) and {counted(plan.validations, "validation")} of '
        f'{duration(speed.validation)}, {duration(plan.seconds)} in all'
    )
