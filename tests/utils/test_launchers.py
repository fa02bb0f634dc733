"""What launchers leave in the environment."""

import pytest

from mmbackbones.utils.launchers import LAUNCHERS, process_rank


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch):
    for launcher in LAUNCHERS.values():
        for name in launcher.variables:
            monkeypatch.delenv(name, raising=False)


def test_a_single_process_is_the_first():
    assert process_rank() == 0


@pytest.mark.parametrize('name', ['RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK'])
def test_rank_before_the_process_group(monkeypatch, name):
    monkeypatch.setenv(name, '3')
    assert process_rank() == 3


def test_rank_in_the_process_group(monkeypatch):
    monkeypatch.setenv('RANK', '3')
    monkeypatch.setattr('mmengine.dist.is_distributed', lambda: True)
    monkeypatch.setattr('mmengine.dist.get_rank', lambda: 1)
    assert process_rank() == 1
