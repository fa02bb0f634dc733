"""The harness of the benchmarks."""

from functools import partial

import torch

from mmbackbones.benchmarks.measure import compare


def allocate(megabytes: int):
    return lambda: torch.ones(megabytes * 250_000).sum()


def test_every_form_is_measured_in_every_round():
    samples = compare({'small': partial(allocate, 1), 'large': partial(allocate, 200)}, rounds=1, steps=2)
    assert [len(sample.seconds) for sample in samples.values()] == [1, 1]
    assert 180 < samples['large'].median_megabytes - samples['small'].median_megabytes < 220
    assert samples['large'].median_seconds > 0
