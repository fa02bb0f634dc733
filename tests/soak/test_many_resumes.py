"""A training run that is interrupted 20 times in a row."""

from random import Random
from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from tests.helpers.equal_runs import unequal
from tests.helpers.interrupted_runs import Trainings
from tests.helpers.soak import SEED, note_trial

pytestmark = pytest.mark.soak

TIMES = 20
OPTIONS = ('--lr', '1e-3', '--checkpoint-minutes', '0.005')


@pytest.mark.parametrize(
    ('config', 'length'),
    [
        ('tiny_config', ('--epochs', '12', '--cfg-options', 'train_cfg.val_interval=2')),
        ('tiny_seg_config', ('--iters', '48', '--cfg-options', 'train_cfg.val_interval=8')),
    ],
)
def test_twenty_interruptions_in_one_run(config, length, request, shapes, tmp_path, record_property):
    """By all signals, each early in a start, so that the run lasts."""
    trainings = Trainings('twenty in a row', request.getfixturevalue(config), (*OPTIONS, *length), shapes, tmp_path)
    random = Random(f'{SEED} {config}')
    hits = trainings.interrupt('run', random, TIMES, (SIGKILL, SIGTERM, SIGINT), share=0.15)
    note_trial(record_property, f'{TIMES} interruptions of one run', hits)
    assert unequal(trainings.whole, tmp_path / 'run') == []
    assert len(hits) == TIMES
