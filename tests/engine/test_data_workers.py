"""Data workers and the signals that all processes of a run get."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from torch.utils.data import DataLoader, Dataset

from mmbackbones.engine.data_workers import LeaveSignals, signals_held
from tests.helpers.kill import fork


class Processes(Dataset):
    """Samples that name the process that loads them; the last one takes longer than any test."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> int:
        time.sleep(60 if index == 4 else 0)
        return os.getpid()


def is_running(stat: Path) -> bool:
    """Whether a process is there, and not one that has ended and is not forgotten yet."""
    try:
        return stat.read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


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


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')
def test_workers_end_with_a_main_process_that_was_killed():
    """Even one that is busy, or waits for its batches to be read."""
    reading, writing = os.pipe()

    def killed() -> None:
        loader = DataLoader(Processes(), batch_size=None, num_workers=2, worker_init_fn=LeaveSignals(None))
        batches = iter(loader)
        for _ in range(4):
            next(batches)
        os.write(writing, ' '.join(str(worker.pid) for worker in batches._workers).encode())
        os.kill(os.getpid(), signal.SIGKILL)

    assert fork(killed) == -signal.SIGKILL
    left = [Path('/proc', pid, 'stat') for pid in os.read(reading, 100).decode().split()]
    assert len(left) == 2
    end = time.monotonic() + 30
    while any(is_running(path) for path in left) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(is_running(path) for path in left)
