"""How well anchors fit boxes: equal to comparing each box with every anchor."""

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import bbox_overlaps
from mmengine.config import Config
from mmengine.registry import TASK_UTILS

from mmbackbones.engine.anchors import fit_anchors
from mmbackbones.engine.dataset_config import is_segmentor
from mmbackbones.utils.config_files import read_config

SIZE = (100, 60)  # of the image


@pytest.fixture
def boxes():
    draw = np.random.default_rng(0)
    corners = np.sort(draw.uniform(0, 1, (40, 2, 2)), axis=1) * SIZE
    return corners.reshape(-1, 4)


@pytest.mark.parametrize(('name', 'threshold', 'least'), [('tiny_config', 0.5, None), ('tiny_mask_config', 0.7, 0.3)])
def test_equal_to_all_anchors(name, threshold, least, boxes, request):
    cfg = read_config(request.getfixturevalue(name))
    fit = fit_anchors(cfg, boxes, np.array([SIZE] * len(boxes)))
    head = cfg.model.get('rpn_head') or cfg.model.bbox_head
    generator = TASK_UTILS.build(head.anchor_generator)
    # 100x60 becomes 128x77, which is padded to 128x96.
    cells = [(-(-96 // stride[1]), -(-128 // stride[0])) for stride in generator.strides]
    anchors = torch.cat(generator.grid_priors(cells, device='cpu'))
    factors = torch.tensor([128 / 100, 77 / 60] * 2)
    expected = bbox_overlaps(torch.tensor(boxes, dtype=torch.float32) * factors, anchors).amax(1).numpy()
    assert fit.scale == (128, 128)
    np.testing.assert_allclose(fit.iou, expected, atol=1e-4)
    assert (fit.threshold, fit.least) == (threshold, least)
    sides = [float((anchor[2:] - anchor[:2]).prod().sqrt()) for anchor in anchors]
    assert fit.sides == pytest.approx((min(sides), max(sides)), rel=1e-5)


def test_a_model_without_anchors():
    cfg = Config(dict(model=dict(type='FCOS', bbox_head=dict(type='FCOSHead')), default_scope='mmdet'))
    assert not is_segmentor(cfg)
    assert fit_anchors(cfg, np.zeros((1, 4)), np.ones((1, 2), int)) is None
