"""Every backbone learns and predicts in every detector and segmentor."""

import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample

from tests.helpers.narrow_models import CLASSES, NARROW, build_narrow
from tests.helpers.raw_memory import roi_align_that_reads_raw_memory
from tests.helpers.small_backbones import registered

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 70, 101  # no multiple of anything


def objects():
    boxes = torch.tensor([[5.0, 5, 40, 50], [30, 20, 90, 60]])
    masks = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = 1
    return InstanceData(bboxes=boxes, labels=torch.tensor([0, 2]), masks=BitmapMasks(masks.numpy(), HEIGHT, WIDTH))


def batch(scope):
    """Two images with their truth, as a data loader gives them."""
    meta = dict(img_shape=(HEIGHT, WIDTH), ori_shape=(HEIGHT, WIDTH), scale_factor=(1.0, 1.0), img_path='0.jpg')
    images = [torch.randint(0, 255, (3, HEIGHT, WIDTH), dtype=torch.uint8) for _ in range(2)]
    if scope == 'mmdet':
        nothing = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
        samples = [DetDataSample(metainfo=meta, gt_instances=objects(), ignored_instances=nothing) for _ in images]
    else:
        truth = torch.randint(0, CLASSES, (1, HEIGHT, WIDTH))
        samples = [SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=truth)) for _ in images]
    return dict(inputs=images, data_samples=samples)


@pytest.mark.parametrize('backbone', registered())
@pytest.mark.parametrize('name', NARROW)
def test_a_training_step_and_a_prediction(name, backbone):
    model, scope = build_narrow(name, backbone)
    model.train()
    data = model.data_preprocessor(batch(scope), True)
    with roi_align_that_reads_raw_memory():
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        loss.backward()
    assert torch.isfinite(loss)
    assert not [key for key, param in model.named_parameters() if param.grad is None]

    model.eval()
    with torch.no_grad():
        found = model.test_step(batch(scope))[0]
    if scope == 'mmseg':
        assert found.pred_sem_seg.data.shape == (1, HEIGHT, WIDTH)
    elif name.startswith('retinanet'):
        assert found.pred_instances.bboxes.shape[1] == 4
    else:
        assert found.pred_instances.masks.shape == (len(found.pred_instances.bboxes), HEIGHT, WIDTH)
        assert len(found.pred_instances.bboxes) > 0


@pytest.mark.parametrize('shape', [(64, 64), (97, 150), (200, 64), (64, 211)])
def test_sliding_windows_over_what_is_larger_than_a_crop(shape):
    """Where windows overlap their logits are averaged; where one covers the image it is the whole test."""
    model, _ = build_narrow('upernet_van_t', 'VAN')
    model.eval()
    image = torch.randn(1, 3, *shape)
    meta = [dict(ori_shape=shape, img_shape=shape)]
    with torch.no_grad():
        whole = model.inference(image, meta)
        model.test_cfg.update(mode='slide', crop_size=(64, 64), stride=(48, 48))
        slid = model.inference(image, meta)
    assert slid.shape == whole.shape == (1, CLASSES, *shape)
    assert torch.isfinite(slid).all()
    if shape == (64, 64):
        torch.testing.assert_close(slid, whole)


@pytest.mark.parametrize('name', ['upernet_van_t', 'semantic_fpn_van_t'])
def test_a_segmentor_takes_images_below_the_backbones_least_size(name):
    model, _ = build_narrow(name, 'VAN')
    sample = SegDataSample(metainfo=dict(img_shape=(9, 70), ori_shape=(18, 140), img_path='0.jpg'))
    image = torch.randint(0, 255, (3, 9, 70), dtype=torch.uint8)
    with torch.no_grad():
        (found,) = model.eval().test_step(dict(inputs=[image], data_samples=[sample]))
    assert found.pred_sem_seg.data.shape == (1, 18, 140)
