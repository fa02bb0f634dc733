"""Running statistics of batch norms are averaged over processes."""

import torch
from torch import nn

from mmbackbones.engine.processes import running_statistics as module
from mmbackbones.engine.processes.running_statistics import average_running_statistics, running_statistics


def build() -> nn.Module:
    return nn.Sequential(nn.BatchNorm2d(2), nn.BatchNorm2d(3, track_running_stats=False), nn.GroupNorm(1, 2))


def test_means_and_variances_by_name():
    assert list(running_statistics(build())) == ['0.running_mean', '0.running_var']


def test_a_single_process_keeps_its_own():
    model = build()
    model[0].running_mean += 3
    average_running_statistics(model)
    assert model[0].running_mean.tolist() == [3, 3]


def test_all_processes_get_the_mean(monkeypatch):
    """The other process has statistics of 0."""
    model, kinds = build(), []

    def halve(values: torch.Tensor, kind: str) -> None:
        kinds.append(kind)
        values /= 2

    monkeypatch.setattr(module, 'is_distributed', lambda: True)
    monkeypatch.setattr(module, 'all_reduce', halve)
    model[0].running_mean[:] = torch.tensor([2.0, 4.0])
    average_running_statistics(model)
    assert model[0].running_mean.tolist() == [1, 2]
    assert model[0].running_var.tolist() == [0.5, 0.5]
    assert kinds == ['mean']
    average_running_statistics(nn.Linear(1, 1))  # has none to average
    assert kinds == ['mean']
