"""RoIAlign against its definition, and its gradient."""

import math

import mmcv.ops
import pytest
import torch

from mmbackbones.ops.mmcv_ext import roi_align_avg
from mmbackbones.ops.mmcv_ext.roi_align import roi_align_backward, roi_align_forward
from mmbackbones.ops.mmcv_ext.roi_align_max import roi_align_max, roi_align_max_backward
from tests.helpers import operator_loops as loops

pytestmark = pytest.mark.usefixtures('plain')


def random_case(seed, size=(2, 3, 9, 13), n=12, scale=0.25):
    """Features, and regions inside, across and beyond their border; the last two larger than the map, and empty."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(size, generator=generator, dtype=torch.float64)
    extent = torch.tensor([size[3], size[2]]).double() / scale
    low = (torch.rand(n, 2, generator=generator) * 1.4 - 0.3) * extent
    high = low + torch.rand(n, 2, generator=generator) * extent
    corners = torch.cat([low, high], 1)
    corners[-2] = torch.cat([-2 * extent, 3 * extent])
    corners[-1, 2:] = corners[-1, :2]
    image = torch.randint(size[0], (n, 1), generator=generator)
    return features, torch.cat([image, corners], 1), scale


def with_gradient(pool, features, rois, *args):
    features = features.clone().requires_grad_()
    pooled = pool(features, rois, *args)
    weight = torch.linspace(-1, 2, pooled.numel(), dtype=pooled.dtype).view_as(pooled)
    return pooled.detach(), torch.autograd.grad((pooled * weight).sum(), features)[0]


@pytest.mark.parametrize('pool_mode', ['avg', 'max'])
@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize(('sampling_ratio', 'output_size'), [(0, (3, 2)), (0, (4, 4)), (1, (2, 5)), (3, (2, 2))])
def test_against_loops(sampling_ratio, output_size, aligned, pool_mode):
    features, rois, scale = random_case(seed=sampling_ratio, size=(2, 2, 7, 10), n=9)
    args = output_size, scale, sampling_ratio, pool_mode, aligned
    pooled, gradient = with_gradient(mmcv.ops.roi_align, features, rois, *args)
    expected, expected_gradient = with_gradient(loops.roi_align, features, rois, *args)
    torch.testing.assert_close(pooled, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient, expected_gradient, rtol=0, atol=1e-11)


def test_the_first_of_equal_samples_is_the_maximum():
    """As after a ReLU, where most features are 0; the gradient goes where mmcv's goes."""
    _, rois, scale = random_case(0)
    args = (2, 2), scale, 0, 'max', True
    _, gradient = with_gradient(mmcv.ops.roi_align, torch.zeros(2, 1, 9, 13, dtype=torch.float64), rois, *args)
    _, expected = with_gradient(loops.roi_align, torch.zeros(2, 1, 9, 13, dtype=torch.float64), rois, *args)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize('size', [(1, 1, 1, 1), (1, 2, 1, 6), (3, 1, 5, 1)])
def test_thin_maps(size):
    features, rois, scale = random_case(0, size)
    args = (2, 3), scale, 0, 'avg', True
    torch.testing.assert_close(mmcv.ops.roi_align(features, rois, *args), loops.roi_align(features, rois, *args))


@pytest.mark.parametrize('sampling_ratio', [0, 2])
def test_gradcheck(sampling_ratio):
    features, rois, scale = random_case(1, (2, 1, 3, 4), n=5)
    assert torch.autograd.gradcheck(
        lambda x: mmcv.ops.roi_align(x, rois, (2, 3), scale, sampling_ratio, 'avg', True), features.requires_grad_()
    )


def test_portions_do_not_change_the_result(monkeypatch):
    features, rois, scale = random_case(2)
    args = (3, 4), scale, 0, 'avg', True
    whole = with_gradient(mmcv.ops.roi_align, features, rois, *args)
    monkeypatch.setattr(roi_align_avg, '_TABLE', 150)
    monkeypatch.setattr(roi_align_avg, '_TERMS', 200)
    torch.testing.assert_close(with_gradient(mmcv.ops.roi_align, features, rois, *args), whole)


@pytest.mark.parametrize('pool_mode', ['avg', 'max'])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
def test_other_types(dtype, pool_mode):
    features, rois, scale = random_case(3)
    rois = rois.round()
    args = (3, 3), scale, 0, pool_mode, True
    exact = with_gradient(mmcv.ops.roi_align, features.to(dtype).double(), rois, *args)
    got = with_gradient(mmcv.ops.roi_align, features.to(dtype), rois.to(dtype), *args)
    for a, b in zip(got, exact, strict=True):
        assert a.dtype == dtype
        # A 16-bit argmax rounds the position that the gradient goes to.
        keep = slice(None) if pool_mode == 'avg' or dtype == torch.float32 else slice(0)
        torch.testing.assert_close(
            a.double()[keep], b[keep], rtol=4 * torch.finfo(dtype).eps, atol=40 * torch.finfo(dtype).eps
        )


@pytest.mark.parametrize('pool_mode', ['avg', 'max'])
def test_memory_layout_does_not_matter(pool_mode):
    features, rois, scale = random_case(4)
    args = (2, 2), scale, 0, pool_mode, True
    expected = with_gradient(mmcv.ops.roi_align, features, rois, *args)
    last = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(with_gradient(mmcv.ops.roi_align, last, rois, *args), expected)


@pytest.mark.parametrize('pool_mode', ['avg', 'max'])
def test_no_regions(pool_mode):
    features = torch.randn(1, 3, 5, 5, requires_grad=True)
    pooled = mmcv.ops.roi_align(features, features.new_zeros(0, 5), (7, 7), 1.0, 0, pool_mode, True)
    assert pooled.shape == (0, 3, 7, 7)
    pooled.sum().backward()
    assert not features.grad.any()


@pytest.mark.parametrize('sampling_ratio', [0, 2])
@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('corner', [float('nan'), float('inf'), -float('inf'), 3e38, 1e7, -1e7])
def test_absurd_regions_do_not_affect_others(corner, aligned, sampling_ratio):
    features, rois, scale = random_case(5, n=8)
    features, rois = features.float(), rois.float()
    args = (2, 2), scale, sampling_ratio, 'avg', aligned
    expected, _ = with_gradient(mmcv.ops.roi_align, features, rois, *args)
    absurd = rois[:4].clone()
    absurd[torch.arange(4), torch.arange(1, 5)] = corner
    pooled, gradient = with_gradient(mmcv.ops.roi_align, features, torch.cat([absurd, rois]), *args)
    torch.testing.assert_close(pooled[4:], expected)
    assert pooled.isfinite().all()
    if math.isnan(corner):
        assert not pooled[:4].any()
    assert gradient.isfinite().all()


def test_roi_align_max_says_where_the_maximum_is():
    features = torch.zeros(1, 2, 6, 6)
    features[0, 0, 1, 4] = 5.0
    features[0, 1, 2, 3] = 7.0
    rois = torch.tensor([[0, 0.0, 0, 6, 6], [0, 3, 3, 3, 3]])
    value, y, x = roi_align_max(features, rois, (1, 1), 1.0, 0, True)
    assert value.flatten().tolist() == [5, 7, -10000, -10000]
    assert y.flatten().tolist() == [1, 2, -2, -2]
    assert x.flatten().tolist() == [4, 3, -2, -2]
    gradient = roi_align_max_backward(torch.arange(1.0, 5).view(2, 2, 1, 1), rois, y, x, features.shape)
    expected = torch.zeros_like(features)
    expected[0, 0, 1, 4], expected[0, 1, 2, 3] = 1, 2
    assert torch.equal(gradient, expected)


@pytest.mark.parametrize('pool_mode', ['max', 'avg'])
def test_operators_fill_what_mmcv_allocates(pool_mode):
    features, rois, scale = random_case(6, n=5)
    mode = ['max', 'avg'].index(pool_mode)
    output, y, x = (features.new_full((5, 3, 2, 4), math.nan) for _ in range(3))
    roi_align_forward(features, rois, output, y, x, 2, 4, scale, 2, mode, True)
    grad, grad_input = torch.randn_like(output), features.new_full(features.shape, math.nan)
    roi_align_backward(grad, rois, y, x, grad_input, 2, 4, scale, 2, mode, True)
    leaf = features.clone().requires_grad_()
    expected = loops.roi_align(leaf, rois, (2, 4), scale, 2, pool_mode, True)
    torch.testing.assert_close(output, expected.detach())
    torch.testing.assert_close(grad_input, torch.autograd.grad(expected, leaf, grad)[0])
