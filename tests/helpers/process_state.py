"""What a running process holds: memory, open files, threads and processes."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import sleep

INTERVAL = 0.2  # seconds between two looks
WARM_UP = 0.2  # share of the run that is left out: caches fill, and allocators find their sizes
WINDOWS = 8  # that the rest is divided into


@dataclass(frozen=True)
class State:
    """One look at a process and all processes below it.

    Attributes:
        memory: Resident memory of the process itself, in MiB.
        files: Its open files.
        threads: Its threads.
        processes: How many there are, with itself.
    """

    memory: float
    files: int
    threads: int
    processes: int


def states_of(process) -> list[State]:
    """Look at a process of ``multiprocessing`` until it ends."""
    states = []
    while process.exitcode is None:
        try:
            states.append(look(process.pid))
        except (FileNotFoundError, ProcessLookupError, KeyError):  # it has just ended
            break
        sleep(INTERVAL)
    process.join()
    return states


def look(pid: int) -> State:
    """The state of a process now."""
    root = Path(f'/proc/{pid}')
    status = dict(line.split(':', 1) for line in (root / 'status').read_text().splitlines())
    below = (root / f'task/{pid}/children').read_text().split()
    return State(
        memory=int(status['VmRSS'].split()[0]) / 1024,
        files=sum(1 for _ in (root / 'fd').iterdir()),
        threads=int(status['Threads']),
        processes=1 + len(below),
    )


def growth(states: list[State], name: str) -> tuple[float, float]:
    """How something develops after the warm-up: the lowest and highest median of its windows."""
    values = [getattr(state, name) for state in states[int(len(states) * WARM_UP) :]]
    size = len(values) // WINDOWS
    assert size >= 5, f'{len(states)} looks are too few'
    medians = [median(values[i * size : (i + 1) * size]) for i in range(WINDOWS)]
    return min(medians), max(medians)
