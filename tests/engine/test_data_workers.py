"""Data workers and the signals that all processes of a run get."""

import os
import subprocess
import time

import pytest
from torch.utils.data import DataLoader, Dataset

from mmbackbones.engine.data_workers import LeaveSignals, signals_held


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
