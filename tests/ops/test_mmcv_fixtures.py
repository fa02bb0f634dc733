"""Agreement with stored results of the compiled CPU operators of mmcv 2.1.0, built against PyTorch 2.13.

`mmcv_ops.json` lists the cases, `mmcv_ops.npz` holds `<case>.<array>`: inputs, results, and for RoIAlign the gradient
`dx` for the upstream gradient `dy`.
"""

import json
from pathlib import Path

import mmcv.ops
import numpy as np
import pytest
import torch

from tests.helpers.operator_loops import nms as nms_loop

HERE = Path(__file__).parent
CASES = json.loads((HERE / 'mmcv_ops.json').read_text())
ARRAYS = dict(np.load(HERE / 'mmcv_ops.npz'))


@pytest.fixture(params=['plain', 'installed'], autouse=True)
def operators(request):
    """Plain PyTorch, and what `mmcv.ops` uses here: compiled mmcv, torchvision, or plain PyTorch again."""
    if request.param == 'plain':
        request.getfixturevalue('plain')


def cases(op):
    return pytest.mark.parametrize('case', [c for c in CASES if c['op'] == op], ids=lambda case: case['name'])


def tensor(case, name):
    return torch.from_numpy(ARRAYS[f'{case["name"]}.{name}'])


@cases('nms')
def test_nms(case):
    boxes, scores = tensor(case, 'boxes'), tensor(case, 'scores')
    dets, keep = mmcv.ops.nms(
        boxes, scores, case['iou_threshold'], case['offset'], case.get('score_threshold', 0), case.get('max_num', -1)
    )
    assert torch.equal(dets, torch.cat([boxes, scores[:, None]], 1)[keep])
    if case['ties']:  # any order of equal scores is right: NMS must find nothing to drop and nothing to add
        order = torch.cat([keep, torch.tensor([i for i in range(len(boxes)) if i not in keep.tolist()])])
        order = order[scores[order].argsort(descending=True, stable=True)]
        again = nms_loop(boxes[order], scores[order], case['iou_threshold'], case['offset'])
        assert order[again].tolist() == keep.tolist()
    else:
        assert keep.tolist() == tensor(case, 'keep').tolist()


@cases('batched_nms')
def test_batched_nms(case):
    _, keep = mmcv.ops.batched_nms(
        tensor(case, 'boxes'),
        tensor(case, 'scores'),
        tensor(case, 'idxs').long(),
        {'type': 'nms', 'iou_threshold': case['iou_threshold']},
        case['class_agnostic'],
    )
    assert keep.tolist() == tensor(case, 'keep').tolist()


@cases('soft_nms')
def test_soft_nms(case):
    dets, keep = mmcv.ops.soft_nms(
        tensor(case, 'boxes'),
        tensor(case, 'scores'),
        case['iou_threshold'],
        case['sigma'],
        case['min_score'],
        case['method'],
    )
    assert keep.tolist() == tensor(case, 'keep').tolist()
    torch.testing.assert_close(dets, tensor(case, 'dets'), rtol=0, atol=1e-6)


@cases('roi_align')
def test_roi_align(case):
    x = tensor(case, 'x').requires_grad_()
    y = mmcv.ops.roi_align(
        x,
        tensor(case, 'rois'),
        tuple(case['output_size']),
        case['spatial_scale'],
        case['sampling_ratio'],
        case['pool_mode'],
        case['aligned'],
    )
    y.backward(tensor(case, 'dy'))
    torch.testing.assert_close(y, tensor(case, 'y'), rtol=0, atol=1e-5)
    torch.testing.assert_close(x.grad, tensor(case, 'dx'), rtol=0, atol=1e-5)
