"""How many iterations and validations fit into a time budget."""

import pytest

from mmbackbones.engine.trials.plan import Plan, Speed, plan_length
from mmbackbones.errors import UserError

HOUR = 3600


@pytest.mark.parametrize('hours', [0.05, 1, 24])
@pytest.mark.parametrize('iteration', [0.02, 0.7, 11])
@pytest.mark.parametrize('validation', [0.0, 2, 40])
@pytest.mark.parametrize('epoch', [1, 120, 20_000])
def test_the_time_is_used_and_not_exceeded(hours, iteration, validation, epoch):
    speed = Speed(10, iteration, validation)
    plan = plan_length(hours, 30, speed, epoch)
    assert plan.seconds == pytest.approx(40 + plan.iterations * iteration + plan.validations * validation)
    assert plan.seconds <= HOUR * hours
    assert plan.seconds + 2 * iteration + validation > 0.98 * (HOUR * hours - 40) + 40 - 1e-6
    share = plan.validations * validation / (HOUR * hours - 40)
    assert share <= 0.41 or plan.validations == 1
    if validation <= 2 and iteration < 11:
        assert plan.validations >= 4
    assert plan.interval <= max(epoch * 1.01 + 1, plan.iterations)


def test_one_validation_for_each_epoch():
    plan = plan_length(1, 0, Speed(0, 0.5, 10), 300)
    assert 280 < plan.interval < 320
    assert plan.validations == 22


def test_few_validations_if_they_take_long():
    assert plan_length(1, 0, Speed(0, 0.5, 600), 300).validations == 2
    assert plan_length(1, 0, Speed(0, 0.5, 3000), 300).validations == 1


def test_a_given_interval():
    plan = plan_length(0.1, 0, Speed(0, 1, 2), 50, interval=20)
    assert plan.interval == 20
    assert plan == Plan(320, 20, 352)
    assert plan_length(0.1, 0, Speed(0, 1, 2), 50, interval=10_000) == Plan(350, 350, 352)


def test_a_budget_that_is_too_short():
    with pytest.raises(UserError, match='an iteration 2 s and a validation 1 min: give at least 0.028 hours$'):
        plan_length(0.02, 30, Speed(4, 2, 60), 50)
    assert plan_length(0.028, 30, Speed(4, 2, 60), 50) == Plan(2, 2, 98)
