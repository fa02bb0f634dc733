"""What a resumed run takes from the trials of the run that it continues."""

from typing import Any

from mmengine.config import Config

from ...errors import UserError
from ..resume import RunState
from .time_budget import set_planned_length


def take_over(cfg: Config, asked: dict[str, Any], state: RunState) -> None:
    """Set what trials found before the first iteration, so that nothing is tried again.

    Args:
        cfg: The config that is run; changed in place.
        asked: Arguments of the training run; a batch size that is known now is set there, too.
        state: What the checkpoint says.

    Raises:
        UserError: The resumed run had another time budget, or none.
    """
    batch_size = _count(state, 'batch_size')
    if asked['batch_size'] == 'auto' and batch_size:
        cfg.train_dataloader.batch_size = asked['batch_size'] = batch_size
    hours = asked['time_budget']
    if not hours:
        return
    iterations, interval = _count(state, 'max_iters'), _count(state, 'val_interval')
    planned_for = state.settings.get('time_budget')
    if not iterations or not interval or not isinstance(planned_for, int | float):
        raise UserError(
            f'{state.path} is of a run without a time budget ({state.position}): to continue it, give its length with '
            f'{"--iters" if state.by_epoch is False else "--epochs"} N in place of --time-budget'
        )
    if planned_for != hours:
        raise UserError(
            f'{state.path} is of a run of {iterations} iterations, as many as fit into '
            f'--time-budget {planned_for:g} when it was started: repeat that to continue it, or '
            'give another length with --iters N'
        )
    set_planned_length(cfg, iterations, interval)


def _count(state: RunState, name: str) -> int | None:
    """A number of at least 1 among the settings in a checkpoint, which anybody may have written."""
    value = state.settings.get(name)
    return value if type(value) is int and 0 < value < 2**53 else None
