"""Where a test writes what it predicts."""

import os
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner

from ..errors import UserError
from ..evaluation.metrics import ExactCocoMetric
from .config_tree import dicts_in
from .dataset_config import is_segmentor

_METRICS = ('ExactCocoMetric', 'FullCocoMetric')  # names of one class


def check_predictions_file(cfg: Config, file: str) -> None:
    """Raise UserError for predictions that cannot be saved in COCO form, or not to this file."""
    if is_segmentor(cfg):
        raise UserError(
            '--save-predictions writes boxes and masks of objects, but this is a segmentor: its label maps are what '
            '`mmbackbones predict` writes'
        )
    if not any(evaluator.get('type') in _METRICS for evaluator in dicts_in(cfg.test_evaluator)):
        raise UserError(
            '--save-predictions needs a CocoMetric of boxes or masks in test_evaluator, and this config has none'
        )
    if not file.lower().endswith('.json') or Path(file).is_dir():
        raise UserError(f'--save-predictions writes a JSON file: give it a name that ends in .json, not {file}')


def set_predictions_file(runner: Runner, file: Path) -> Path | None:
    """Have the first COCO metric write its predictions; None if there is no such metric.

    Raises:
        UserError: The file is the one with the ground truth.
    """
    for metric in runner.test_loop.evaluator.metrics:
        if isinstance(metric, ExactCocoMetric):
            truth = getattr(runner.test_loop.dataloader.dataset, 'ann_file', None)
            if truth and os.path.realpath(truth) == os.path.realpath(file):
                raise UserError(f'--save-predictions would overwrite the annotations in {file}: choose another file')
            metric.predictions = file
            return file
    return None
