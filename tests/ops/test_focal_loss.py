"""Focal losses against their definition, and their gradients against autograd's."""

import mmcv.ops
import pytest
import torch

from mmbackbones.errors import UserError
from mmbackbones.ops.mmcv_ext.focal_loss import (
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
    softmax_focal_loss_backward,
    softmax_focal_loss_forward,
)
from tests.helpers import operator_loops as loops

pytestmark = pytest.mark.usefixtures('plain')

LOSSES = {
    'sigmoid': (mmcv.ops.sigmoid_focal_loss, loops.sigmoid_focal_loss),
    'softmax': (mmcv.ops.softmax_focal_loss, loops.softmax_focal_loss),
}
TARGET = torch.tensor([0, 3, 4, -1, 2, 4, 1])  # 4 is background, -1 is ignored


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]


def random_logits(dtype=torch.float64):
    return 3 * torch.randn(len(TARGET), 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


def value_and_gradient(loss, logits):
    logits = logits.clone().requires_grad_()
    value = loss(logits)
    scale = torch.arange(1.0, 1 + len(value), dtype=value.dtype).view(-1, *[1] * (value.dim() - 1))
    return value.detach(), torch.autograd.grad((value * scale).sum(), logits)[0]


@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize(('gamma', 'alpha'), [(2.0, 0.25), (0.0, 0.5), (0.5, 1.0), (3.5, 0.1)])
def test_against_loops(loss, gamma, alpha, weighted):
    stand_in, loop = loss
    weight = torch.tensor([0.5, 1.0, 2.0, 3.0], dtype=torch.float64) if weighted else None
    logits = random_logits()
    torch.testing.assert_close(
        stand_in(logits, TARGET, gamma, alpha, weight, 'none'),
        loop(logits, TARGET, gamma, alpha, weight),
        rtol=1e-9,
        atol=0,
    )
    value, gradient = value_and_gradient(lambda x: stand_in(x, TARGET, gamma, alpha, weight, 'sum')[None], logits)
    expected = value_and_gradient(lambda x: loop(x, TARGET, gamma, alpha, weight).sum()[None], logits)
    torch.testing.assert_close((value, gradient), expected)


# Without softmax and 'none', where mmcv itself multiplies the upstream gradient [n] with [n, c], which does not fit.
@pytest.mark.parametrize(
    ('name', 'reduction'),
    [('sigmoid', 'none'), ('sigmoid', 'mean'), ('sigmoid', 'sum'), ('softmax', 'mean'), ('softmax', 'sum')],
)
def test_gradcheck(name, reduction):
    logits = random_logits().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: LOSSES[name][0](x, TARGET, 2.0, 0.25, None, reduction), logits)


@pytest.mark.parametrize('target', [[0, 0, 1], [1, 1, 0], [4, -1, 4]])
@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
def test_extreme_logits_stay_finite(loss, gamma, target):
    logits = torch.tensor([[1e4, -1e4, 0.0, 0.0], [-1e4, 1e4, 0.0, 0.0], [200.0, -200.0, 50.0, -50.0]])
    result = value_and_gradient(lambda x: loss[0](x, torch.tensor(target), gamma, 0.25, None, 'sum')[None], logits)
    assert all(x.isfinite().all() for x in result)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
def test_other_types(dtype):
    logits = random_logits(dtype)
    exact = value_and_gradient(
        lambda x: mmcv.ops.sigmoid_focal_loss(x, TARGET, 2.0, 0.25, None, 'none'), logits.double()
    )
    got = value_and_gradient(lambda x: mmcv.ops.sigmoid_focal_loss(x, TARGET, 2.0, 0.25, None, 'none'), logits)
    for a, b in zip(got, exact, strict=True):
        assert a.dtype == dtype
        torch.testing.assert_close(a.double(), b, rtol=4 * torch.finfo(dtype).eps, atol=torch.finfo(dtype).eps)


def test_no_rows(loss):
    logits = torch.zeros(0, 4, requires_grad=True)
    loss[0](logits, torch.zeros(0, dtype=torch.long), 2.0, 0.25, None, 'sum').backward()
    assert logits.grad.shape == (0, 4)


def test_a_target_beyond_background_is_an_error(loss):
    with pytest.raises(UserError, match='class 5, but the predictions have classes 0 to 3'):
        loss[0](torch.zeros(2, 4), torch.tensor([1, 5]), 2.0, 0.25, None, 'none')


@pytest.mark.parametrize('weight', [torch.empty(0), torch.tensor([0.5, 1.0, 2.0, 3.0])], ids=['plain', 'weighted'])
class TestOperators:
    """The operators by themselves: they fill what mmcv allocates, and each gradient is that of its loss."""

    def test_sigmoid(self, weight):
        logits, weight = random_logits(), weight.double()
        loss, gradient = torch.empty_like(logits), torch.empty_like(logits)
        sigmoid_focal_loss_forward(logits, TARGET, weight, loss, 2.0, 0.25)
        sigmoid_focal_loss_backward(logits, TARGET, weight, gradient, 2.0, 0.25)
        given = weight if len(weight) else None
        x = logits.clone().requires_grad_()
        expected = loops.sigmoid_focal_loss(x, TARGET, 2.0, 0.25, given)
        torch.testing.assert_close(loss, expected.detach())
        torch.testing.assert_close(gradient, torch.autograd.grad(expected.sum(), x)[0])

    def test_softmax(self, weight):
        logits, weight = random_logits(), weight.double()
        p = logits.softmax(1)
        loss, slope, gradient = p.new_empty(len(p)), p.new_empty(len(p)), torch.empty_like(p)
        softmax_focal_loss_forward(p, TARGET, weight, loss, 2.0, 0.25)
        softmax_focal_loss_backward(p, TARGET, weight, slope, gradient, 2.0, 0.25)
        given = weight if len(weight) else None
        x = logits.clone().requires_grad_()
        expected = loops.softmax_focal_loss(x, TARGET, 2.0, 0.25, given)
        torch.testing.assert_close(loss, expected.detach())
        torch.testing.assert_close(gradient, torch.autograd.grad(expected.sum(), x)[0])
        assert not slope[TARGET == -1].any()  # ignored
        assert (slope[TARGET == 0] < 0).all()
