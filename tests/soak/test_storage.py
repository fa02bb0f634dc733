"""Training runs whose disk is full, or becomes read-only, at random moments: a sentence, and nothing is lost."""

import shutil
from errno import ENOSPC, EROFS
from random import Random

import pytest

from tests.helpers.equal_runs import unequal
from tests.helpers.interrupted_runs import CASES, FINISHED, Trainings
from tests.helpers.moments import Moment
from tests.helpers.soak import SEED

pytestmark = pytest.mark.soak

FAULTS = {'full': ENOSPC, 'read-only': EROFS}


@pytest.fixture(scope='module', params=['RetinaNet', 'UperNet with comforts'])
def trainings(request, shapes, tmp_path_factory) -> Trainings:
    config, options = CASES[request.param]
    folder = tmp_path_factory.mktemp('storage')
    return Trainings(request.param, request.getfixturevalue(config), options, shapes, folder)


@pytest.mark.parametrize('fault', FAULTS)
def test_a_disk_that_cannot_be_written_to(trainings, fault, trial, record_property):
    """From a random write on, all fail; then the disk is as before, and the run is resumed."""
    random, name = Random(f'{SEED} {fault} {trainings.name} {trial}'), f'{fault}_{trial}'
    moment = Moment(random.randint(1, len(trainings.uninterrupted.writes)), None)
    ending = trainings.start(name, moment=moment, error=FAULTS[fault])
    last = ' '.join(ending.output.strip().splitlines()[-1:])
    print(moment, ending.code, last)
    record_property('trial', (f'{trainings.name}, disk {fault}', [f'exit codes {ending.code}']))
    assert 'Traceback' not in ending.output
    if ending.code:
        assert ending.code in (1, 2)
        assert last.startswith('error: ')
    ending = trainings.start(name, '--resume')
    assert ending.code == 0 or FINISHED in ending.output, ending.output
    assert unequal(trainings.whole, trainings.folder / name) == []
    shutil.rmtree(trainings.folder / name)
