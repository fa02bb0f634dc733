"""The harness of the benchmarks."""

import os
from functools import partial
from time import sleep

import pytest
import torch

from mmbackbones.benchmarks import measure
from mmbackbones.benchmarks.measure import Measurements, compare

pytestmark = pytest.mark.slow


def allocate(megabytes: int):
    return lambda: torch.ones(megabytes * 250_000).sum()


def test_every_variant_is_measured_in_every_round_in_its_own_process():
    measured = compare({'small': partial(allocate, 1), 'large': partial(allocate, 200)}, rounds=1, steps=2)
    assert [len(sample.seconds) for sample in measured.values()] == [1, 1]
    assert 180 < measured['large'].median_megabytes - measured['small'].median_megabytes < 220
    assert measured['large'].median_seconds > measured['small'].median_seconds


def test_variants_take_turns(monkeypatch):
    order = []
    monkeypatch.setattr(measure, '_in_own_process', lambda make, steps, device: order.append((make, steps)) or (1.0, 2))
    measured = compare({'a': 'make_a', 'b': 'make_b'}, rounds=2, steps=3)
    assert order == [('make_a', 3), ('make_b', 3)] * 2
    assert measured == {name: Measurements([1.0, 1.0], [2, 2]) for name in 'ab'}


def test_a_sample_is_the_fastest_step(monkeypatch):
    pauses = iter([0.05, 0.01, 0.03])
    seconds, _ = measure._sample(lambda: lambda: sleep(next(pauses)), 3, 'cpu')
    assert 0.01 <= seconds < 0.03
    monkeypatch.setattr(measure, '_LONG', 0.04)  # a long step is not repeated
    pauses = iter([0.05])
    seconds, _ = measure._sample(lambda: lambda: sleep(next(pauses)), 3, 'cpu')
    assert seconds >= 0.05


@pytest.mark.skipif(not os.path.exists('/proc/self/status'), reason='needs /proc')
def test_memory_without_proc_is_the_peak(monkeypatch, tmp_path):
    peak = measure.memory_in_use('cpu', peak=True)
    monkeypatch.setattr('mmbackbones.utils.host_memory._STATUS', tmp_path / 'status')
    assert measure.memory_in_use('cpu', peak=False) == pytest.approx(peak, rel=0.1)


def test_how_measurements_are_shown():
    measured = Measurements([0.3, 0.1, 0.2], [1_000_000, 3_000_000, 2_400_000])
    assert str(measured) == '0.200 s (0.100-0.300), 2 MB'
