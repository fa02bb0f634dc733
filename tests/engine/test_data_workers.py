"""Data workers and the signals that all processes of a run get."""

import os
import select
import signal
import subprocess
import time

import pytest
from torch.utils.data import DataLoader, Dataset

from mmbackbones.engine.data_workers import LeaveSignals, noticing_lost_workers, signals_held
from mmbackbones.errors import RunFailed
from tests.helpers.kill import fork


class Processes(Dataset):
    """Samples that name the process that loads them; the last one takes longer than any test."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> int:
        time.sleep(60 if index == 4 else 0)
        return os.getpid()


@pytest.fixture
def loading():
    """An iterator over batches that two workers load, and the workers, which have just been started."""
    loader = DataLoader(Processes(), batch_size=None, num_workers=2, worker_init_fn=LeaveSignals(None))
    with signals_held():
        batches = iter(loader)
    yield batches, batches._workers
    for worker in batches._workers:
        worker.terminate()
        worker.join()


def test_signals_to_all_processes_are_left_to_the_main_one(loading):
    batches, workers = loading
    names = [str(worker.pid) for worker in workers]
    for name in ('INT', 'TERM'):  # at once, when they may not even have begun
        subprocess.run(['kill', f'-{name}', *names], check=True)
    first = [next(batches), next(batches)]
    for name in ('INT', 'TERM'):
        subprocess.run(['kill', f'-{name}', *names], check=True)
    assert first == [next(batches), next(batches)] == [worker.pid for worker in workers]


def test_the_main_process_ends_a_worker_that_is_busy(loading):
    batches, workers = loading
    next(batches)
    workers[0].terminate()
    workers[0].join(10)
    assert workers[0].exitcode == 0


def test_workers_end_after_a_main_process_that_is_killed(monkeypatch):
    """Also with batches that are too large for a pipe from which nobody reads."""
    monkeypatch.setattr('mmbackbones.engine.data_workers._LOOK', 0.1)
    held, hold = os.pipe()

    def load() -> None:
        large = ['0' * 10**6 for _ in range(8)]
        next(iter(DataLoader(large, batch_size=None, num_workers=2, worker_init_fn=LeaveSignals(None))))
        os.kill(os.getpid(), signal.SIGKILL)

    assert fork(load) == -signal.SIGKILL
    os.close(hold)
    assert select.select([held], [], [], 20)[0]  # at its end: no process has the other end any more
    os.close(held)


def test_a_worker_that_was_killed_ends_the_run_in_a_sentence(loading):
    batches, workers = loading
    next(batches)
    os.kill(workers[0].pid, signal.SIGKILL)
    said = r'a data worker was lost \(DataLoader worker \(pid.*\), most often because memory ran out; .* a.pth is kept'
    with pytest.raises(RunFailed, match=said), noticing_lost_workers(lambda: 'a.pth is kept'):
        list(batches)


def test_other_errors_stay_what_they_are():
    with pytest.raises(RuntimeError, match='^shapes'), noticing_lost_workers(lambda: ''):
        raise RuntimeError('shapes differ')
