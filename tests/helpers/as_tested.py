"""What a test finds in each image, and its comparison with a prediction, to the last digit."""

from typing import Any

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask

from mmbackbones.evaluation.metrics import ExactCocoMetric, ExactIoUMetric
from mmbackbones.prediction.prediction import Prediction


def keep_tested(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict]:
    """Let tests of models leave what they find in the dict that is returned, by the path of the image."""
    found: dict[str, dict] = {}
    for metric in (ExactCocoMetric, ExactIoUMetric):
        process = metric.process

        def keep(self, data_batch, data_samples, process=process):
            found.update({sample['img_path']: sample for sample in data_samples})
            process(self, data_batch, data_samples)

        monkeypatch.setattr(metric, 'process', keep)
    return found


def check_as_tested(prediction: Prediction, sample: dict) -> None:
    """Assert that a prediction of all scores is what a test found."""
    if prediction.segmentation is not None:
        assert np.array_equal(prediction.segmentation, as_array(sample['pred_sem_seg']['data'][0]))
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


def as_array(values: Any) -> np.ndarray:
    """Tensors of any device and type, or run-length encodings of masks that are merged from tiles, as an array."""
    if isinstance(values, list):
        return np.stack([coco_mask.decode(mask).astype(bool) for mask in values])
    return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).cpu().numpy()
