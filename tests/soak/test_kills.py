"""Training runs that get SIGKILL at random moments and are resumed end as an uninterrupted one."""

import shutil
import signal
from random import Random

import pytest

from tests.helpers.equal_runs import unequal
from tests.helpers.interrupted_runs import CASES, Trainings
from tests.helpers.soak import SEED, note_trial

pytestmark = pytest.mark.soak


@pytest.fixture(scope='module', params=CASES)
def trainings(request, shapes, tmp_path_factory) -> Trainings:
    config, options = CASES[request.param]
    folder = tmp_path_factory.mktemp('kills')
    return Trainings(request.param, request.getfixturevalue(config), options, shapes, folder)


def test_kill_and_resume(trainings, trial, record_property):
    """One to three kills: the first in the run, the others in its resumes."""
    random, name = Random(f'{SEED} {trainings.name} {trial}'), f'trial_{trial}'
    hits = trainings.interrupt(name, random, times=random.choice((1, 1, 2, 3)))
    note_trial(record_property, trainings.name, hits)
    assert {hit.ending.code for hit in hits} <= {-signal.SIGKILL}
    assert unequal(trainings.whole, trainings.folder / name) == []
    shutil.rmtree(trainings.folder / name)
