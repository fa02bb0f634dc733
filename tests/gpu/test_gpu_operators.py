"""Operators on a GPU against the same on the CPU in float64: mmcv's stand-ins, dilated convolution, attention."""

import importlib
from types import SimpleNamespace

import mmcv.ops
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmbackbones.layers.grid_attention import grid_attention
from mmbackbones.ops import dilated_depthwise_conv2d, fused_attention, mmcv_ext, single_group_norm
from mmbackbones.ops.mmcv_ext import nms, roi_align
from mmbackbones.ops.mmcv_ext.torchvision_ops import torchvision_ops

pytestmark = pytest.mark.gpu

STAND_INS = SimpleNamespace(**{operator.__name__: operator for operator in mmcv_ext._OPERATORS})


@pytest.fixture(params=['torchvision', 'plain'])
def route(request, device, monkeypatch) -> str:
    """Our stand-ins, by torchvision's operators or without them."""
    for name in ('bbox', 'focal_loss', 'nms', 'roi_align'):
        monkeypatch.setattr(importlib.import_module(f'mmcv.ops.{name}'), 'ext_module', STAND_INS)
    if request.param == 'torchvision' and torchvision_ops(device) is None:
        pytest.skip(f'torchvision has no operators for {device} here')
    if request.param == 'plain':
        for module in (nms, roi_align):
            monkeypatch.setattr(module, 'torchvision_ops', lambda device_type: None)
    return request.param


def random_boxes(count: int = 3000):
    torch.manual_seed(0)
    low = torch.rand(count, 2) * 400
    return torch.cat([low, low + 5 + torch.rand(count, 2) * 80], 1), torch.randperm(count) / count


@pytest.mark.parametrize('offset', [0, 1])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16], ids=str)
def test_nms(route, device, dtype, offset):
    boxes, scores = random_boxes()
    boxes, scores = boxes.to(dtype), scores.to(dtype)
    expected = nms.greedy_nms(boxes.double(), scores.float(), 0.5, offset)
    order = scores.float()[expected]
    dets, keep = mmcv.ops.nms(boxes.to(device), scores.to(device), 0.5, offset=offset)
    assert keep.device.type == device
    if dtype == torch.float32:
        assert keep.tolist() == expected.tolist()
        torch.testing.assert_close(dets[:, 4].cpu(), order)
    else:  # many scores are equal in 16 bits, and torchvision may take those in any order
        assert abs(len(keep) - len(expected)) < 0.05 * len(expected)


@pytest.mark.parametrize('class_agnostic', [False, True])
@pytest.mark.parametrize('split_thr', [100, 10000])
def test_batched_nms(route, device, split_thr, class_agnostic):
    boxes, scores = random_boxes()
    classes = torch.arange(3000) % 7
    cfg = dict(type='nms', iou_threshold=0.5, split_thr=split_thr)
    inputs = [[x.to(where) for x in (boxes, scores, classes)] for where in ('cpu', device)]
    keep = [mmcv.ops.batched_nms(*some, dict(cfg), class_agnostic)[1].tolist() for some in inputs]
    assert keep[0] == keep[1]


def test_soft_nms_and_nms_match(route, device):
    boxes, scores = random_boxes(300)
    (dets, keep), (on_device, keep_on_device) = (
        mmcv.ops.soft_nms(boxes.to(where), scores.to(where), 0.3, method='linear') for where in ('cpu', device)
    )
    assert keep.tolist() == keep_on_device.tolist()
    torch.testing.assert_close(dets, on_device.cpu())
    dets = torch.cat([boxes, scores[:, None]], 1)
    groups = [mmcv.ops.nms_match(dets.to(where), 0.4) for where in ('cpu', device)]
    assert [group.tolist() for group in groups[0]] == [group.tolist() for group in groups[1]]


def regions(count: int = 40):
    torch.manual_seed(1)
    low = torch.rand(count, 2) * 130 - 10
    return torch.cat([torch.randint(2, (count, 1)).float(), low, low + torch.rand(count, 2) * 80], 1)


@pytest.mark.parametrize('pool_mode', ['avg', 'max'])
@pytest.mark.parametrize('sampling_ratio', [0, 2])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize('channels_last', [False, True], ids=['', 'channels-last'])
def test_roi_align(route, device, pool_mode, sampling_ratio, dtype, channels_last, relative_error):
    torch.manual_seed(0)
    features, rois = torch.randn(2, 5, 33, 41).to(dtype), regions().to(dtype)
    dy = torch.randn(len(rois), 5, 7, 7).to(dtype)
    results = []
    for where, kind in (('cpu', torch.float64), (device, dtype)):
        x = features.to(where, kind)
        if channels_last and where == device:
            x = x.contiguous(memory_format=torch.channels_last)
        x = x.requires_grad_()
        y = mmcv.ops.roi_align(x, rois.to(where, kind), (7, 7), 0.25, sampling_ratio, pool_mode, True)
        results.append(([y], list(torch.autograd.grad(y, x, dy.to(where, kind)))))
    # Where the maximum lies, mmcv notes in the type of the features: in 16 bits to 1/32 of a cell.
    half = 2e-3 if pool_mode == 'avg' else 3e-2
    for got, want in zip(results[1], results[0], strict=True):
        assert relative_error(got, want) < (1e-5 if dtype == torch.float32 else half)


@pytest.mark.parametrize('name', ['sigmoid_focal_loss', 'softmax_focal_loss'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16], ids=str)
def test_focal_loss(route, device, name, dtype, relative_error):
    torch.manual_seed(0)
    logits, target = (3 * torch.randn(500, 9)).to(dtype), torch.randint(10, (500,))
    results = []
    for where, kind in (('cpu', torch.float64), (device, dtype)):
        x = logits.to(where, kind).requires_grad_()
        loss = getattr(mmcv.ops, name)(x, target.to(where), 2.0, 0.25, None, 'sum')
        results.append(([loss], list(torch.autograd.grad(loss, x))))
    for got, want in zip(results[1], results[0], strict=True):
        assert relative_error(got, want) < (1e-5 if dtype == torch.float32 else 2e-3)


def test_box_overlaps(route, device, relative_error):
    boxes, _ = random_boxes(200)
    want = mmcv.ops.bbox_overlaps(boxes, boxes[:50])
    assert relative_error([mmcv.ops.bbox_overlaps(boxes.to(device), boxes[:50].to(device))], [want]) < 1e-5


@pytest.mark.parametrize('channels_last', [False, True], ids=['', 'channels-last'])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(('size', 'dilation', 'height', 'width'), [(7, 3, 40, 61), (5, 2, 13, 29), (7, 3, 4, 5)])
def test_dilated_depthwise_convolution(device, size, dilation, height, width, dtype, channels_last, relative_error):
    torch.manual_seed(0)
    inputs = [x.to(dtype) for x in (torch.randn(2, 16, height, width), torch.randn(16, 1, size, size), torch.randn(16))]
    dy = torch.randn(inputs[0].shape).to(dtype)

    def with_gradients(conv, *inputs):
        inputs = [x.detach().requires_grad_() for x in inputs]
        y = conv(*inputs)
        return [y], list(torch.autograd.grad(y, inputs, dy.to(y)))

    want = with_gradients(
        lambda x, w, b: F.conv2d(x, w, b, padding=size // 2 * dilation, dilation=dilation, groups=16),
        *(x.double() for x in inputs),
    )
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    on_device = [inputs[0].to(device).contiguous(memory_format=memory_format), *(x.to(device) for x in inputs[1:])]
    got = with_gradients(lambda x, w, b: dilated_depthwise_conv2d(x, w, b, dilation), *on_device)
    tolerance = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 2e-2}[dtype]
    for got_part, want_part in zip(got, want, strict=True):
        assert relative_error(got_part, want_part) < tolerance


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('channels', [3, 8, 12])  # what kernels are made for, and what they are not
def test_fused_attention(device, dtype, masked, channels, relative_error):
    torch.manual_seed(0)
    q, k, v = (torch.randn(3, 2, 4, 37, channels)).to(dtype)
    mask = torch.rand(3, 1, 1, 37) < 0.7 if masked else None
    mask = mask[:1].expand(2, -1, -1, -1) if masked else None

    def with_gradients(where, kind):
        inputs = [x.to(where, kind).requires_grad_() for x in (q, k, v)]
        y = fused_attention(*inputs, None if mask is None else mask.to(where))
        return [y], list(torch.autograd.grad(y.double().square().sum(), inputs))

    tolerance = {torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}[dtype]
    for got, want in zip(with_gradients(device, dtype), with_gradients('cpu', torch.float64), strict=True):
        assert relative_error(got, want) < tolerance


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize('border', [0, 1], ids=['whole cells', 'filled-up cells'])
def test_more_cells_than_a_grid_of_cuda_has_rows(device, dtype, border, relative_error):
    """65,536 grid cells and more: some kernels number them by the second dimension of a grid, which ends at 65,535."""
    torch.manual_seed(0)
    side = (512 if device == 'cuda' else 64) - border
    qkv = torch.randn(5, 48, side, side, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
    qkv.requires_grad_()
    y = grid_attention(qkv, nn.Identity(), 16, 4, qkv[:, :16])
    (grad,) = torch.autograd.grad(y.float().square().sum(), qkv)
    for part in (slice(0, 1), slice(4, 5)):
        x = qkv[part].detach().cpu().double().requires_grad_()
        want = grid_attention(x, nn.Identity(), 16, 4, x[:, :16])
        (want_grad,) = torch.autograd.grad(want.square().sum(), x)
        tolerance = 1e-5 if dtype == torch.float32 else 4e-3
        assert relative_error([y[part]], [want]) < tolerance
        assert relative_error([grad[part]], [want_grad]) < tolerance


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize('shape', [(1, 64, 100, 167), (2, 48, 13, 18), (4, 16, 1, 1)], ids=str)
def test_single_group_norm(device, dtype, shape, relative_error):
    torch.manual_seed(0)
    x, dy = (3 * torch.randn(2, *shape) + 1).to(dtype)
    weight, bias = torch.randn(2, shape[1])

    def with_gradients(where, kind):
        inputs = [
            x.to(where, kind),
            *(part.to(where, max(kind, torch.float32, key=lambda t: t.itemsize)) for part in (weight, bias)),
        ]
        inputs = [part.requires_grad_() for part in inputs]
        y = single_group_norm(*inputs, 1e-6)
        return [y], list(torch.autograd.grad(y, inputs, dy.to(y)))

    got, want = with_gradients(device, dtype), with_gradients('cpu', torch.float64)
    assert got[0][0].dtype == dtype
    tolerance = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}[dtype]
    for got_part, want_part in zip(got, want, strict=True):
        assert relative_error(got_part, want_part) < tolerance
