"""What `predict` finds in an image equals what `test` finds in it, to the last digit, from the checkpoint alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from mmbackbones.apis import load
from mmbackbones.apis import test as evaluate
from mmbackbones.errors import UserError
from mmbackbones.evaluation.metrics import ExactCocoMetric, ExactIoUMetric

pytestmark = pytest.mark.slow


@pytest.fixture
def tested(monkeypatch, tmp_path):
    """Runs `test` and returns what it found in each image, by the path of the image."""

    def run(checkpoint: str, data: Path, **options: Any) -> dict[str, dict]:
        found = {}
        for metric in (ExactCocoMetric, ExactIoUMetric):
            process = metric.process

            def keep(self, data_batch, data_samples, process=process):
                found.update({sample['img_path']: sample for sample in data_samples})
                process(self, data_batch, data_samples)

            monkeypatch.setattr(metric, 'process', keep)
        evaluate(checkpoint, data, work_dir=tmp_path / 'test', **options)
        return found

    return run


@pytest.mark.parametrize('batch_size', [1, 3])
@pytest.mark.parametrize('task', ['detector', 'mask_detector', 'segmentor'])
def test_every_image(tested, request, task, batch_size, shapes, several_sizes):
    checkpoint = request.getfixturevalue(f'{task}_file')
    one_size = task == 'segmentor' and batch_size > 1  # MMSegmentation takes no others in a batch
    data = shapes if one_size else several_sizes
    expected = tested(checkpoint, data, batch_size=batch_size)
    images = data / 'images' / 'validation'
    found = list(load(checkpoint, device='cpu').predict(images, score_thr=0, batch_size=batch_size))
    assert [str(Path(p.source).absolute()) for p in found] == list(expected)
    assert len(found) == 4
    for prediction, sample in zip(found, expected.values(), strict=True):
        check(prediction, sample)


@pytest.mark.parametrize(
    ('task', 'options'),
    [
        ('detector', dict(tta=True)),
        ('mask_detector', dict(amp=True)),
        ('mask_detector', dict(tile=(48, 48))),
        ('segmentor', dict(tile=(48, 48))),
    ],
)
def test_options(tested, request, task, options, several_sizes):
    checkpoint = request.getfixturevalue(f'{task}_file')
    expected = tested(checkpoint, several_sizes, **options)
    found = load(checkpoint, device='cpu').predict(list(expected), score_thr=0, **options)
    for prediction, sample in zip(found, expected.values(), strict=True):
        check(prediction, sample)


def test_a_segmentor_and_batches_of_several_sizes(tested, segmentor_file, several_sizes):
    """In a test this is refused by MMSegmentation; `predict` takes such images one after the other."""
    with pytest.raises(UserError, match='the images have several sizes, and this segmentor takes .*--batch-size 1'):
        tested(segmentor_file, several_sizes, batch_size=3)
    expected = tested(segmentor_file, several_sizes)
    found = load(segmentor_file, device='cpu').predict(list(expected), batch_size=3)
    for prediction, sample in zip(found, expected.values(), strict=True):
        check(prediction, sample)


def check(prediction, sample):
    if prediction.segmentation is not None:
        assert np.array_equal(prediction.segmentation, sample['pred_sem_seg']['data'][0])
        assert len(np.unique(prediction.segmentation)) > 1
        return
    expected = {key: as_array(sample['pred_instances'][key]) for key in ('bboxes', 'scores', 'labels')}
    assert len(prediction.boxes) > 5
    order = np.argsort(-expected['scores'], kind='stable')
    assert np.array_equal(prediction.boxes, expected['bboxes'][order])
    assert np.array_equal(prediction.scores, expected['scores'][order])
    assert np.array_equal(prediction.labels, expected['labels'][order])
    if prediction.masks is not None:
        assert prediction.masks.shape == (len(prediction.boxes), *prediction.image.shape[:2])
        assert np.array_equal(prediction.masks, as_array(sample['pred_instances']['masks'])[order])


def as_array(values) -> np.ndarray:
    if isinstance(values, list):  # run-length encodings of masks that are merged from tiles
        return np.stack([coco_mask.decode(mask).astype(bool) for mask in values])
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
