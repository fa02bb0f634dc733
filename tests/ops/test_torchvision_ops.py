"""torchvision's operators are used where they work, and only there."""

import sys
import textwrap
import types

import mmcv.ops
import pytest
import torch

from mmbackbones.ops.mmcv_ext import nms, roi_align
from mmbackbones.ops.mmcv_ext.roi_align_avg import roi_align_avg, roi_align_avg_backward
from mmbackbones.ops.mmcv_ext.torchvision_ops import torchvision_fault, torchvision_ops
from tests.helpers import operator_loops as loops

BROKEN = {
    'not_there': 'raise ModuleNotFoundError',
    'other_abi': 'raise OSError("undefined symbol")',
    'other_version': 'raise RuntimeError("operator torchvision::nms does not exist")',
    'half_imported': 'raise AttributeError("partially initialized module")',
    'without_operators': 'import types\nops = types.SimpleNamespace()',
    'operators_fail': """
        import types
        def nms(*args): raise RuntimeError("Couldn't load custom C++ ops")
        ops = types.SimpleNamespace(nms=nms, roi_align=nms)
    """,
}


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """As if no torchvision had been imported or tried yet; `tmp_path` comes first in the search path."""
    for name in [name for name in sys.modules if name.split('.')[0] == 'torchvision']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    torchvision_ops.cache_clear()
    yield
    sys.modules.pop('torchvision', None)
    torchvision_ops.cache_clear()


@pytest.mark.usefixtures('fresh')
@pytest.mark.parametrize('name', BROKEN)
def test_broken_torchvision_counts_as_none(name, tmp_path):
    (tmp_path / 'torchvision.py').write_text(textwrap.dedent(BROKEN[name]))
    assert torchvision_ops('cpu') is None
    fault = torchvision_fault('cpu')
    assert fault.startswith('does not work here (')
    assert '\n' not in fault


@pytest.mark.usefixtures('fresh')
def test_what_is_wrong_with_torchvision(tmp_path, monkeypatch):
    (tmp_path / 'torchvision.py').write_text(f'raise OSError("undefined symbol:\\n{"x" * 500}")')
    assert torchvision_fault('cpu') == f'does not work here (OSError: undefined symbol: {"x" * 182})'
    monkeypatch.setattr('mmbackbones.ops.mmcv_ext.torchvision_ops.find_spec', lambda name: None)
    assert torchvision_fault('cpu') == 'is not installed'


@pytest.fixture
def calls(plain, monkeypatch):
    """A torchvision with the documented interface of its operators; lists the names of those that were called."""
    calls = []

    def tv_nms(boxes, scores, iou_threshold):
        calls.append('nms')
        assert boxes.dtype == scores.dtype
        return nms.greedy_nms(boxes, scores, iou_threshold, offset=0)

    def tv_roi_align(input, boxes, output_size, spatial_scale=1.0, sampling_ratio=-1, aligned=False):
        calls.append('roi_align')
        assert boxes.dtype == input.dtype
        return roi_align_avg(input, boxes, output_size, spatial_scale, sampling_ratio, aligned)

    def tv_backward(
        grad,
        rois,
        spatial_scale,
        pooled_height,
        pooled_width,
        batch_size,
        channels,
        height,
        width,
        sampling_ratio,
        aligned,
    ):
        calls.append('_roi_align_backward')
        assert grad.shape[2:] == (pooled_height, pooled_width)
        return roi_align_avg_backward(
            grad, rois, (batch_size, channels, height, width), spatial_scale, sampling_ratio, aligned
        )

    ops = types.SimpleNamespace(nms=tv_nms, roi_align=tv_roi_align)
    monkeypatch.setitem(sys.modules, 'torchvision', types.SimpleNamespace(ops=ops))
    monkeypatch.setattr(torch.ops, 'torchvision', types.SimpleNamespace(_roi_align_backward=tv_backward), raising=False)
    monkeypatch.setattr(nms, 'torchvision_ops', torchvision_ops)
    monkeypatch.setattr(roi_align, 'torchvision_ops', torchvision_ops)
    torchvision_ops.cache_clear()
    assert torchvision_ops('cpu') is ops
    calls.clear()
    yield calls
    torchvision_ops.cache_clear()


@pytest.mark.parametrize('offset', [0, 1])
def test_nms(offset, calls):
    low = torch.rand(100, 2, dtype=torch.float64) * 20
    boxes, scores = torch.cat([low, low + 1 + torch.rand(100, 2) * 9], 1), torch.rand(100)
    _, keep = mmcv.ops.nms(boxes, scores, 0.4, offset=offset)
    assert keep.tolist() == loops.nms(boxes, scores, 0.4, offset)
    assert calls == ['nms']


@pytest.mark.parametrize('dtype', [torch.float64, torch.float16])
@pytest.mark.parametrize(('pool_mode', 'used'), [('avg', ['roi_align', '_roi_align_backward']), ('max', [])])
def test_roi_align(pool_mode, used, dtype, calls):
    features = torch.randn(2, 3, 6, 7, dtype=dtype, requires_grad=True)
    rois = torch.tensor([[0, 2.0, 3, 20, 15], [1, -4, 5, 9, 30]], dtype=dtype)
    args = (2, 3), 0.25, 0, pool_mode, True
    pooled = mmcv.ops.roi_align(features, rois, *args)
    pooled.sum().backward()
    assert calls == used
    expected = loops.roi_align(features.detach().double(), rois, *args)
    torch.testing.assert_close(pooled.double(), expected, rtol=0, atol=4 * torch.finfo(dtype).eps)
    assert features.grad.any()


@pytest.mark.usefixtures('calls')
def test_nothing_is_wrong_with_a_torchvision_that_works():
    assert torchvision_fault('cpu') is None
