"""Training runs that get SIGTERM or Ctrl-C at random moments save what they have, and go on from there."""

import re
import shutil
from random import Random
from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from tests.helpers.equal_runs import unequal
from tests.helpers.interrupted_runs import Hit
from tests.helpers.soak import SEED, note_trial

pytestmark = pytest.mark.soak

EARLY = {SIGTERM: 143, SIGINT: 130}  # exit codes if there is nothing to save
SAVED = {SIGTERM: 0, SIGINT: 130}
SENTENCE = re.compile(
    r'stopped by (SIGTERM|Ctrl-C): the (run ends (in a validation|after iteration (?P<iteration>\d+)), \S+\.pth is '
    r'saved, and the same (command with --resume|call with resume=.auto.) continues from there|'
    'training run is finished)'
)


def check_end(hit: Hit) -> None:
    """A run that was stopped ended as promised."""
    ending = hit.ending
    if hit.signum == SIGKILL:
        assert ending.code == -SIGKILL
        return
    assert 'Traceback' not in ending.output
    said = SENTENCE.search(' '.join(ending.output.split()))
    assert ending.code == (SAVED if said else EARLY)[hit.signum], ending.output
    if not said:  # nothing had been learned, or everything
        assert not re.search(r'^(epoch|iteration) ', ending.output, re.M) or 'best checkpoint:' in ending.output
    assert hit.unfinished == ''


def test_stop_and_resume(trainings, trial, record_property):
    """One to three signals: the first in the run, the others in its resumes."""
    random, name = Random(f'{SEED} signal {trainings.name} {trial}'), f'trial_{trial}'
    hits = trainings.interrupt(name, random, random.choice((1, 1, 2, 3)), (SIGTERM, SIGINT))
    note_trial(record_property, f'{trainings.name}, stopped', hits)
    for hit in hits:
        check_end(hit)
    assert unequal(trainings.whole, trainings.folder / name) == []
    shutil.rmtree(trainings.folder / name)
