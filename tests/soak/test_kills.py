"""Training runs that get SIGKILL at random moments and are resumed end as an uninterrupted one."""

import shutil
import signal
from random import Random

import pytest

from tests.helpers.equal_runs import unequal
from tests.helpers.soak import SEED, note_trial

pytestmark = pytest.mark.soak


def test_kill_and_resume(trainings, trial, record_property):
    """One to three kills: the first in the run, the others in its resumes."""
    random, name = Random(f'{SEED} {trainings.name} {trial}'), f'trial_{trial}'
    hits = trainings.interrupt(name, random, times=random.choice((1, 1, 2, 3)))
    note_trial(record_property, trainings.name, hits)
    assert {hit.ending.code for hit in hits} <= {-signal.SIGKILL}
    assert unequal(trainings.whole, trainings.folder / name) == []
    shutil.rmtree(trainings.folder / name)
