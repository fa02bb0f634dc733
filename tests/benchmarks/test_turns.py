"""The harness of the table: forms of the same work that take turns."""

import os
import time

import pytest
import torch

from mmbackbones.benchmarks import turns
from mmbackbones.benchmarks.turns import Form, take_turns

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _import_little(monkeypatch):
    monkeypatch.setattr(turns, '_IMPORTED', [__name__])


def allocate(megabytes: int):
    built = torch.ones(50_000_000)  # 200 MB that count for no step
    return lambda: built.sum() + torch.ones(megabytes * 250_000).sum()


def sleep(seconds: float):
    return lambda: time.sleep(seconds)


def fail(error: Exception):
    def step():
        raise error

    return step


def name_process(folder):
    def step():
        with open(folder / 'turns', 'a') as file:
            file.write(f'{os.getpid()}\n')

    return step


class Make:
    """What can be sent to another process."""

    def __init__(self, function, *arguments) -> None:
        self.function, self.arguments = function, arguments

    def __call__(self):
        return self.function(*self.arguments)


def test_peaks_and_times():
    found = take_turns(
        {'large': Form(Make(allocate, 150)), 'small': Form(Make(allocate, 1)), 'long': Form(Make(sleep, 0.05))}, most=4
    )
    assert 130e6 < found['large'].peak_bytes - found['small'].peak_bytes < 170e6
    assert found['small'].peak_bytes < 60e6  # what was there before the step does not count
    assert 50 <= found['long'].median < 500
    assert all(len(timing.milliseconds) == 4 for timing in found.values())


def test_each_form_keeps_its_process_and_they_take_turns(tmp_path):
    make = Make(name_process, tmp_path)
    found = take_turns({'a': Form(make), 'b': Form(make)}, least=2, most=2, seconds=0)
    first = (tmp_path / 'turns').read_text().split()
    a, b = first[-2:]
    assert a != b
    assert first[-6:] == [a, b] * 3  # two turns, and the step before them; the first ones come as they come
    assert sorted(first[:2]) == sorted([a, b])
    assert [len(timing.milliseconds) for timing in found.values()] == [2, 2]


def test_time_is_up(tmp_path):
    found = take_turns({'long': Form(Make(sleep, 0.06))}, least=1, most=9, seconds=0.1)
    assert len(found['long'].milliseconds) == 2


def test_what_has_no_memory_has_no_timing():
    found = take_turns({'large': Form(Make(fail, MemoryError())), 'fits': Form(Make(sleep, 0.0))}, most=3)
    assert found['large'] is None
    assert len(found['fits'].milliseconds) == 3


def test_a_killed_process_has_no_timing():
    assert take_turns({'killed': Form(Make(os._exit, 1))}) == {'killed': None}


def test_another_error_is_raised():
    with pytest.raises(ZeroDivisionError, match='that'):
        take_turns({'wrong': Form(Make(fail, ZeroDivisionError('that'))), 'right': Form(Make(sleep, 0.0))})


@pytest.mark.parametrize('as_commands', [False, True])
def test_memory_as_in_our_commands(as_commands, monkeypatch):
    calls = []
    monkeypatch.setattr(turns, 'keep_memory', lambda: calls.append('keep'))
    monkeypatch.setattr(turns, 'settle', lambda: calls.append('settle'))
    form = Form(lambda: lambda: calls.append('step'), as_commands)
    step, _ = turns._prepare(form, 'cpu')
    turns.time_once(step, 'cpu')
    once = ['step', 'settle'] if as_commands else ['step']
    assert calls == ['keep'] * as_commands + once * 2
