"""Training runs of two processes of which one gets SIGKILL at a random moment: the other ends, and both resume."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import monotonic, sleep

import pytest
import torch

from mmbackbones.cli import main
from tests.helpers.equal_runs import unequal
from tests.helpers.interrupted_runs import CASES
from tests.helpers.soak import SEED

pytestmark = pytest.mark.soak

LIMIT = 60  # seconds in which a process ends when the other is lost
LOST = 'error: another process of this run has ended, or no longer answers ('
FINISHED = 'is of a finished run'
NAMES = ('RetinaNet', 'UperNet by iterations')


class TwoProcesses:
    """Starts a training run in two forked processes, which write what they print to files."""

    def __init__(self, config: str, options: tuple[str, ...], data: Path, folder: Path) -> None:
        self.options = ('train', config, '--data', str(data), '--img-scale', '64', '64', '--launcher', 'pytorch')
        self.rest, self.folder = options, folder
        begin = monotonic()
        assert self.run('whole') == [0, 0], self.said(0)
        self.seconds = monotonic() - begin

    def run(self, name: str, *options: str, meanwhile: Callable = lambda processes: None) -> list[int]:
        """The exit codes; a process that still is there after `LIMIT` seconds without the other is killed."""
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        arguments = (*self.options, '--work-dir', str(self.folder / name), *options, *self.rest)
        context = get_context('fork')
        processes = [context.Process(target=self._process, args=(rank, port, arguments)) for rank in range(2)]
        for process in processes:
            process.start()
        meanwhile(processes)
        for process in processes:
            process.join(LIMIT * 10)
        for process in processes:
            process.kill()
            process.join()
        return [process.exitcode for process in processes]

    def said(self, rank: int) -> str:
        return (self.folder / f'said_{rank}').read_text()

    def _process(self, rank: int, port: int, arguments: tuple[str, ...]) -> None:
        os.environ.update(
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port)
        )
        torch.set_num_threads(1)
        with open(self.folder / f'said_{rank}', 'w') as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            sys.stdout, sys.stderr = open(1, 'w', closefd=False), open(2, 'w', closefd=False)  # noqa: SIM115
            sys.argv = ['mmbackbones', *arguments]
            main()


@pytest.fixture(scope='module', params=NAMES)
def two(request, shapes, tmp_path_factory) -> TwoProcesses:
    config, options = CASES[request.param]
    return TwoProcesses(request.getfixturevalue(config), options, shapes, tmp_path_factory.mktemp('two'))


def test_kill_one_of_two_and_resume(two, trial, record_property):
    random, name = Random(f'{SEED} {two.rest} {trial}'), f'trial_{trial}'
    rank, moment = random.randrange(2), random.uniform(0, two.seconds)
    waited = []

    def kill(processes) -> None:
        sleep(moment)
        processes[rank].kill()
        begin = monotonic()
        processes[1 - rank].join(LIMIT)
        waited.append(monotonic() - begin)

    code = two.run(name, meanwhile=kill)[1 - rank]
    print(f'process {rank} killed after {moment:.1f} s: the other ended {waited[0]:.1f} s later, exit code {code}')
    record_property('trial', ('one of two processes', [f'SIGKILLs of process {rank}', f'exit codes {code}']))
    assert waited[0] < LIMIT
    assert code == 0 or (code == 1 and two.said(1 - rank).count(LOST) == 1), two.said(1 - rank)
    codes = two.run(name, '--resume')
    assert codes == [0, 0] or FINISHED in two.said(0), two.said(0)
    assert unequal(two.folder / 'whole', two.folder / name) == []
    shutil.rmtree(two.folder / name)
