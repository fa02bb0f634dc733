"""Test-time augmentation of masks: equal views give the plain prediction."""

import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData

from mmbackbones.evaluation.instance_tta import InstanceTTAModel

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 64, 96


@pytest.fixture(scope='module')
def model(tiny_mask_config):
    register_all_modules(init_default_scope=False)
    init_default_scope('mmdet')
    torch.manual_seed(0)
    cfg = Config.fromfile(tiny_mask_config).model
    cfg.test_cfg.rcnn.update(max_per_img=5, score_thr=0.0)
    cfg.roi_head.mask_head.conv_out_channels = 32  # so that random masks are neither empty nor full
    return MODELS.build(cfg).eval()


@pytest.fixture(scope='module')
def images():
    return torch.randint(0, 255, (2, 3, HEIGHT, WIDTH), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def view(images, flip):
    """A batch as the data loader hands it over, turned left to right or not."""
    meta = dict(
        ori_shape=(HEIGHT, WIDTH),
        img_shape=(HEIGHT, WIDTH),
        scale_factor=(1.0, 1.0),
        flip=flip,
        flip_direction='horizontal' if flip else None,
    )
    samples = [DetDataSample(metainfo=meta) for _ in images]
    for sample in samples:
        sample.gt_instances = InstanceData()
    return [image.flip(-1) if flip else image for image in images], samples


def augmented(model, views):
    tta = InstanceTTAModel(module=model, tta_cfg=Config(dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=5)))
    inputs, samples = map(list, zip(*views, strict=True))
    with torch.no_grad():
        return [sample.pred_instances for sample in tta.test_step(dict(inputs=inputs, data_samples=samples))]


def plain(model, images, flip=False):
    inputs, samples = view(images, flip)
    with torch.no_grad():
        return [sample.pred_instances for sample in model.test_step(dict(inputs=inputs, data_samples=samples))]


def assert_same(found, expected):
    torch.testing.assert_close(found.bboxes, expected.bboxes, rtol=0, atol=1e-3)
    torch.testing.assert_close(found.scores, expected.scores)
    assert (found.labels == expected.labels).all()
    assert found.masks.dtype == torch.bool
    # Probabilities are averaged as bytes, so that a pixel on the threshold may go either way.
    assert (found.masks == expected.masks).float().mean() > 0.99
    assert 0 < expected.masks.float().mean() < 1


def test_one_view_is_the_plain_prediction(model, images):
    for found, expected in zip(augmented(model, [view(images, False)]), plain(model, images), strict=True):
        assert_same(found, expected)


def test_the_same_view_twice_is_the_plain_prediction(model, images):
    for found, expected in zip(augmented(model, [view(images, False)] * 2), plain(model, images), strict=True):
        assert_same(found, expected)


def test_what_a_turned_view_says_is_turned_back(model, images):
    found = augmented(model, [view(images, True)])
    for turned_back, turned in zip(found, plain(model, images, flip=True), strict=True):
        expected = InstanceData(labels=turned.labels, scores=turned.scores, masks=turned.masks.flip(-1))
        expected.bboxes = turned.bboxes[:, [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]) + torch.tensor(
            [WIDTH, 0, WIDTH, 0]
        )
        assert_same(turned_back, expected)


def test_the_threshold_of_the_model_stays(model, images):
    before = model.roi_head.test_cfg.mask_thr_binary
    augmented(model, [view(images, False)])
    assert model.roi_head.test_cfg.mask_thr_binary == before
