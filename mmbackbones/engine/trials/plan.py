"""How many iterations and validations fit into a time budget."""

from dataclasses import dataclass, replace
from math import ceil

from ...errors import UserError
from ...utils.text import duration

_VALIDATIONS = 4  # at least, as long as they take no more than
_MOST_OF_FEW = 0.4  # of the time; and if there are more than that, they take no more than
_MOST = 0.2
_KEPT_BACK = 0.02  # share of the time, for what takes longer in the run than in the trial


@dataclass(frozen=True)
class Speed:
    """What parts of a run take, in seconds.

    Attributes:
        start: From here to the first iteration, that included.
        iteration: Each one.
        validation: Each one, with the checkpoints that are written with it.
    """

    start: float
    iteration: float
    validation: float


@dataclass(frozen=True)
class Plan:
    """The length of a run.

    Attributes:
        iterations: All of them.
        interval: Iterations between two validations; one follows the last iteration, too.
        seconds: What all of it takes.
    """

    iterations: int
    interval: int
    seconds: float

    @property
    def validations(self) -> int:
        """How many there are."""
        return ceil(self.iterations / self.interval)


def plan_length(hours: float, spent: float, speed: Speed, epoch: int, interval: int | None = None) -> Plan:
    """The longest run that fits.

    A validation follows each epoch. There are at least four, but never so many that little time is left to train.

    Args:
        hours: The budget.
        spent: Seconds of it that have passed.
        speed: What the parts of the run take.
        epoch: Iterations that see each image once.
        interval: Iterations between two validations, if they are given.

    Raises:
        UserError: An iteration and a validation do not fit.
    """
    left = (1 - _KEPT_BACK) * (3600 * hours - spent - speed.start)
    if left < speed.iteration + speed.validation:
        needed = spent + speed.start + (speed.iteration + speed.validation) / (1 - _KEPT_BACK)
        raise UserError(
            f'--time-budget {hours:g} is too short: {duration(spent)} have passed, the start takes '
            f'{duration(speed.start)}, an iteration {speed.iteration:.2g} s and a validation '
            f'{duration(speed.validation)}: give at least {ceil(needed / 3.6) / 1000:g} hours'
        )
    if interval is None:
        validations = _choose_validations(left, speed, epoch)
        interval = ceil(int((left - validations * speed.validation) / speed.iteration) / validations)
    rounds, rest = divmod(left, interval * speed.iteration + speed.validation)
    iterations = round(rounds) * interval + max(0, int((rest - speed.validation) / speed.iteration))
    plan = Plan(iterations, min(interval, iterations), 0.0)
    seconds = spent + speed.start + iterations * speed.iteration + plan.validations * speed.validation
    return replace(plan, seconds=seconds)


def _choose_validations(left: float, speed: Speed, epoch: int) -> int:
    """One for each epoch, within the limits above, and for each of them at least one iteration."""
    wanted = left / (epoch * speed.iteration + speed.validation)
    validations = min(wanted, _MOST * left / max(speed.validation, 1e-9))
    validations = max(validations, min(_VALIDATIONS, _MOST_OF_FEW * left / max(speed.validation, 1e-9)), 1)
    most = (left - int(validations) * speed.validation) / speed.iteration
    return max(1, int(min(validations, most)))
