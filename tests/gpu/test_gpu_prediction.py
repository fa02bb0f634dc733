"""Trained models on a GPU: loaded, tested, predicted with in each mode, and beside their exported files."""

from pathlib import Path

import numpy as np
import pytest
import torch

import mmbackbones as mmb
from mmbackbones.datasets.shapes import CLASSES
from mmbackbones.errors import UserError
from mmbackbones.export.verification import verify_model
from tests.helpers.as_tested import check_as_tested, keep_tested
from tests.helpers.carried_configs import detector, save, save_untrained

pytestmark = pytest.mark.gpu

EVERYTHING = dict(score_thr=0.0, max_per_img=20)
TASKS = {  # the config's fixture, the classes, and what is kept of what is found
    'boxes': ('tiny_config', CLASSES, EVERYTHING),
    'masks': ('tiny_mask_config', CLASSES, dict(rcnn=EVERYTHING)),
    'segments': ('tiny_seg_config', ('background', *CLASSES), {}),
}

every_task = pytest.mark.parametrize('checkpoint', TASKS, indirect=True)


@pytest.fixture
def checkpoint(request, tmp_path) -> str:
    config, classes, kept = TASKS[request.param]
    return save_untrained(tmp_path / f'{request.param}.pth', request.getfixturevalue(config), classes, **kept)


@every_task
@pytest.mark.parametrize(
    'options', [{}, dict(batch_size=2), dict(amp=True), dict(tta=True), dict(tile=(48, 48))], ids=str
)
def test_what_a_test_finds_is_predicted(device, checkpoint, options, shapes, monkeypatch, tmp_path):
    """To the last digit, on the GPU, which neither has to be told of."""
    tested = keep_tested(monkeypatch)
    metrics = mmb.test(checkpoint, shapes, work_dir=tmp_path / 'test', **options)
    assert all(np.isfinite(value) for value in metrics.values())
    model = mmb.load(checkpoint)
    assert {value.device.type for value in model.network.state_dict().values()} == {device}
    predicted = model.predict(list(tested), score_thr=0, **options)
    for prediction, sample in zip(predicted, tested.values(), strict=True):
        check_as_tested(prediction, sample)


@every_task
def test_a_file_exported_beside_a_gpu_computes_the_same(device, checkpoint, shapes, tmp_path):
    """On the CPU, as the installed onnxruntime does."""
    file = mmb.export(checkpoint, tmp_path / 'model.onnx').file
    network = mmb.load(checkpoint).network
    assert next(network.parameters()).device.type == device
    step = network.test_step
    network.test_step = lambda batch: [sample.cpu() for sample in step(batch)]
    images = [p.image[..., ::-1] for p in mmb.load(checkpoint).predict(Path(shapes) / 'images' / 'validation')]
    agreement = verify_model(network, mmb.load(file, device='cpu').network, images, [(96, 64), (77, 101)], None, (1, 2))
    assert agreement.difference.score < 1e-4
    assert (agreement.difference.pixels or 0) < 0.01


def test_boxes_in_half_precision_stay_where_they_are(device, tmp_path):
    """What rounds is the distance from the anchor, not the place: float16 has whole pixels only beyond 1,024."""
    kept = dict(nms_pre=10_000, max_per_img=10_000, score_thr=0.0, nms=dict(type='nms', iou_threshold=1.0))
    parts = {f'model.test_cfg.{key}': value for key, value in kept.items()}
    config = detector(**parts, **{'test_dataloader.dataset.pipeline.1.scale': (1920, 64)})
    model = mmb.load(save(tmp_path / 'boxes.pth', config=config))
    image = np.random.default_rng(0).integers(0, 255, (64, 1920, 3), np.uint8)
    exact, half = (next(model.predict(image, score_thr=0, amp=amp)) for amp in (False, True))
    assert len(exact.boxes) == len(half.boxes) > 500
    assert exact.boxes.max() > 1900
    apart = []  # from the nearest box in half precision, for each box
    for box, label in zip(exact.boxes, exact.labels, strict=True):
        apart.append(np.abs(half.boxes[half.labels == label] - box).max(1).min())
    apart, left, right = np.array(apart), exact.boxes[:, 2] < 256, exact.boxes[:, 0] > 1664
    assert apart.max() < {'cuda': 1, 'cpu': 8}[device]
    assert np.median(apart[right]) < 2 * np.median(apart[left])


@pytest.mark.parametrize('checkpoint', ['boxes'], indirect=True)
def test_devices_by_name(device, checkpoint):
    with pytest.raises(UserError, match="there is no device 'cuda:99' here: choose one of cpu"):
        mmb.load(checkpoint, device='cuda:99')
    assert next(mmb.load(checkpoint, device='cpu').network.parameters()).device == torch.device('cpu')
