"""Activation checkpointing of blocks with one or several tensors."""

import pytest
import torch
from torch import Tensor, nn

from mmbackbones.layers import activation_checkpoint, run_blocks
from mmbackbones.layers.activation_checkpoint import as_state


class Pair(nn.Module):
    """A block that carries two tensors and counts its runs."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(3.0))
        self.runs = 0

    def forward(self, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        self.runs += 1
        return x * self.scale + z, z + x


@pytest.mark.parametrize('with_cp', [False, True])
def test_blocks_hand_on_what_they_carry(with_cp):
    blocks = [Pair(), Pair()]
    x, z = run_blocks(blocks, torch.tensor(1.0), torch.tensor(2.0), with_cp=with_cp)
    assert (x.item(), z.item()) == (18.0, 8.0)
    x.backward()
    assert [block.scale.grad.item() for block in blocks] == [3.0, 5.0]
    assert [block.runs for block in blocks] == ([2, 2] if with_cp else [1, 1])


def test_blocks_that_carry_one_tensor_return_a_tuple_of_one():
    (x,) = run_blocks([nn.ReLU(), nn.Sigmoid()], torch.tensor([-1.0]), with_cp=False)
    assert x.item() == 0.5
    x = torch.ones(2)
    assert run_blocks([], x, with_cp=False) == (x,)


def test_without_gradients_nothing_is_checkpointed(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError('checkpointed')

    monkeypatch.setattr('torch.utils.checkpoint.checkpoint', fail)
    x = torch.randn(2, 3)
    with torch.no_grad():
        (y,) = run_blocks([nn.Identity()], x, with_cp=True)
    assert torch.equal(y, x)
    with pytest.raises(AssertionError, match='checkpointed'):
        run_blocks([nn.Identity()], x, with_cp=True)


def test_batch_norms_update_their_statistics_once():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5, 5)
    plain, checkpointed = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    plain(x).sum().backward()
    activation_checkpoint(checkpointed, x).sum().backward()
    torch.testing.assert_close(checkpointed.state_dict(), plain.state_dict(), rtol=0, atol=0)
    assert checkpointed.num_batches_tracked == 1
    assert checkpointed.momentum == 0.1


def test_a_state_is_a_tuple():
    x, z = torch.ones(2), torch.zeros(2)
    assert as_state((x, z)) == (x, z)
    (only,) = as_state(x)
    assert only is x
