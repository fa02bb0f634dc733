"""Boxes keep their coordinates where a network computes in bfloat16."""

import pytest
import torch
from mmdet.models import SingleRoIExtractor
from mmdet.models.task_modules import AnchorGenerator
from mmengine.registry import MODELS, init_default_scope

from mmbackbones import get_config
from mmbackbones.engine.float32_boxes import Float32AnchorGenerator, Float32RoIExtractor
from tests.helpers.raw_memory import roi_align_that_reads_raw_memory

pytestmark = pytest.mark.slow


def head(name, key):
    cfg = get_config(name)
    init_default_scope(cfg.default_scope)
    return cfg.model.roi_head[key] if key.endswith('extractor') else MODELS.build(cfg.model[key])


def test_regions_are_pooled_where_they_are():
    """Regions beyond 512 and 1024 pixels, whose corners bfloat16 would move by up to 2 and 4."""
    regions = torch.tensor([[0, 1049.3, 600.7, 1090.9, 655.1], [0, 517.2, 300.3, 570.0, 390.5]])
    torch.manual_seed(0)
    maps = tuple(torch.randn(1, 256, 256 >> i, 340 >> i).bfloat16() for i in range(4))
    for name in ('mask_rcnn_van_t', 'cascade_mask_rcnn_van_b'):
        for key in ('bbox_roi_extractor', 'mask_roi_extractor'):
            extract = MODELS.build(head(name, key))
            exact = extract(tuple(x.float() for x in maps), regions)
            with torch.autocast('cpu', torch.bfloat16):
                pooled = extract(maps, regions)
            torch.testing.assert_close(pooled.float(), exact, rtol=1e-2, atol=1e-2)


def test_a_channels_last_pyramid_is_pooled_in_order():
    """As of a model that was put into channels-last as a whole; the heads get the type that the model has."""
    regions = torch.tensor([[0, 3.0, 4, 60, 50], [0, 10, 10, 130, 66]])
    for name in ('mask_rcnn_van_t', 'cascade_mask_rcnn_van_b'):
        for key in ('bbox_roi_extractor', 'mask_roi_extractor'):
            extract = MODELS.build(head(name, key))
            maps = tuple(torch.randn(1, 256, 64 >> i, 80 >> i) for i in range(4))
            for dtype in (torch.float32, torch.bfloat16):
                typed = tuple(x.to(dtype) for x in maps)
                with roi_align_that_reads_raw_memory() as calls:
                    pooled = extract(tuple(x.contiguous(memory_format=torch.channels_last) for x in typed), regions)
                assert calls
                assert pooled.dtype == dtype
                torch.testing.assert_close(pooled, extract(typed, regions), rtol=0, atol=0)


def test_anchors_stay_where_they_are():
    """MMDetection asks for anchors of the type of the scores when it predicts."""
    for name, key in (
        ('retinanet_van_t', 'bbox_head'),
        ('mask_rcnn_van_t', 'rpn_head'),
        ('cascade_mask_rcnn_van_b', 'rpn_head'),
    ):
        anchors = head(name, key).prior_generator
        sizes = [(100 >> i, 168 >> i) for i in range(anchors.num_levels)]
        got = anchors.grid_priors(sizes, dtype=torch.bfloat16, device='cpu')
        torch.testing.assert_close(got, anchors.grid_priors(sizes, device='cpu'), rtol=0, atol=0)


def test_they_are_mmdetections_own_in_float32():
    anchors = dict(strides=[8, 16], ratios=[1.0], scales=[4])
    sizes = [(20, 30), (10, 15)]
    expected = AnchorGenerator(**anchors).grid_priors(sizes, device='cpu')
    got = Float32AnchorGenerator(**anchors).grid_priors(sizes, torch.bfloat16, 'cpu')
    torch.testing.assert_close(got, expected, rtol=0, atol=0)

    extractor = dict(
        roi_layer=dict(type='RoIAlign', output_size=2), out_channels=4, featmap_strides=[4, 8], init_cfg=None
    )
    maps = torch.randn(1, 4, 20, 30), torch.randn(1, 4, 10, 15)
    regions = torch.tensor([[0, 3.0, 4, 60, 50]])
    pooled = Float32RoIExtractor(**extractor)(maps, regions)
    assert torch.equal(pooled, SingleRoIExtractor(**extractor)(maps, regions))
