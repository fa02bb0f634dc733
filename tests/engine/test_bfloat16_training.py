"""Training in bfloat16: products in it; weights, gradients, losses and whatever heads return in float32."""

from collections import Counter
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmbackbones.engine.bfloat16_training import Bfloat16OptimWrapper
from mmbackbones.engine.float32_heads import float32_heads
from mmbackbones.engine.optimizer_guard import GRADIENTS, OptimizerGuard
from mmbackbones.weights import load_from_file
from tests.helpers.results import steady_rows

pytestmark = pytest.mark.slow


class Head(nn.Module):
    """A head as MMDetection's and MMSegmentation's: some call `forward` by name."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        y = self.conv(x)
        return [y], dict(scores=y), (y.argmax(1), None)

    def loss_by_feat(self, scores):
        return F.cross_entropy(scores, torch.zeros(len(scores), *scores.shape[2:], dtype=torch.long))


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Conv2d(3, 3, 1)
        self.head = Head()

    def forward(self, x, by_name: bool = False):
        y = self.backbone(x)
        return y, self.head.forward(y) if by_name else self.head(y)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Detector()


@pytest.mark.parametrize('by_name', [False, True])
def test_precisions(model, by_name):
    wrapper = build_optim_wrapper(model, dict(type='Bfloat16OptimWrapper', optimizer=dict(type='SGD', lr=0.1)))
    with wrapper.optim_context(model):
        y, ([scores], more, (labels, nothing)) = model(torch.randn(2, 3, 5, 5), by_name)
        loss = model.head.loss_by_feat(scores)
    assert (y.dtype, scores.dtype, more['scores'].dtype, loss.dtype) == (torch.bfloat16, *[torch.float32] * 3)
    assert (labels.dtype, nothing) == (torch.int64, None)
    before = deepcopy(model.state_dict())
    wrapper.update_params(loss)
    assert {param.dtype for param in model.parameters()} == {torch.float32}
    assert all(not torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert 'forward' not in vars(model.head)


def test_heads_are_put_back_after_an_error(model):
    heads = float32_heads(model)
    heads.__enter__()
    with pytest.raises(ZeroDivisionError), float32_heads(model):
        _ = 1 / 0
    assert 'forward' in vars(model.head)
    heads.__exit__(None, None, None)
    assert 'forward' not in vars(model.head)
    assert isinstance(deepcopy(model).head(torch.ones(1, 3, 2, 2)), tuple)


def test_gradients_are_looked_at_and_clipped(model):
    """Unlike those of float16, which a dynamic loss scale makes infinite on purpose."""
    wrapper = Bfloat16OptimWrapper(torch.optim.SGD(model.parameters(), lr=1.0), clip_grad=dict(max_norm=1e-3))
    guard = OptimizerGuard(model, wrapper)
    before = [param.detach().clone() for param in model.parameters()]
    guard.before_batch()
    wrapper.update_params(model.backbone.weight.sum() * 1e30)  # the square of which is infinite
    assert guard.left_out == GRADIENTS
    guard.before_batch()
    with wrapper.optim_context(model):
        loss = model(torch.randn(2, 3, 5, 5))[1][0][0].square().sum()
    wrapper.update_params(loss)
    assert guard.left_out is None
    change = torch.cat([(new - old).flatten() for new, old in zip(model.parameters(), before, strict=True)])
    assert change.norm().item() == pytest.approx(1e-3, rel=1e-2)


class Precisions(TorchDispatchMode):
    """Counts the types that convolutions compute in."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[torch.dtype] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if 'convolution' in str(function):
            self.seen[args[0].dtype] += 1
        return function(*args, **(kwargs or {}))


def test_a_run(tool, tiny_mask_config, shapes, tmp_path):
    """By the command; then its checkpoint is tested in the same precision."""
    common = ['--data', shapes, '--amp']
    options = ['--iters', 2, '--img-scale', 64, 64, '--work-dir', tmp_path]
    with Precisions() as precisions:
        code, _, err = tool('train', tiny_mask_config, *common, *options)
    assert code == 0, err
    assert precisions.seen[torch.bfloat16] > 100
    checkpoint = load_from_file(tmp_path / 'iter_2.pth')
    assert {value.dtype for value in checkpoint['state_dict'].values()} <= {torch.float32, torch.int64}
    assert 'Bfloat16OptimWrapper' in (tmp_path / 'config.py').read_text()
    assert steady_rows(tmp_path)
    code, _, err = tool('test', tmp_path / 'iter_2.pth', *common)
    assert code == 0, err
    assert (tmp_path / 'test' / 'metrics.json').is_file()
