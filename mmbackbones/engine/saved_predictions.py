"""Where a test writes what it predicts, and what it compares with."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from ..errors import UserError
from ..evaluation.metrics import ExactCocoMetric, ExactIoUMetric
from ..evaluation.result_files import GROUND_TRUTH, PREDICTIONS, ResultFiles, refuse_foreign
from ..utils.files import sha256_of
from ..weights import locate
from .config_tree import dicts_in
from .dataset_config import is_segmentor
from .processes.distributed import main_process_first
from .versions import library_versions

# Names of one class each.
_COCO = ('ExactCocoMetric', 'FullCocoMetric')
_IOU = ('ExactIoUMetric', 'FullIoUMetric')


def check_predictions_file(cfg: Config, file: str) -> None:
    """Raise UserError for predictions that cannot be saved in COCO form, or not to this file."""
    names, what = (_IOU, 'an IoUMetric') if is_segmentor(cfg) else (_COCO, 'a CocoMetric of boxes or masks')
    if not any(evaluator.get('type') in names for evaluator in dicts_in(cfg.test_evaluator)):
        raise UserError(f'--save-predictions needs {what} in test_evaluator, and this config has none')
    if not file.lower().endswith('.json') or Path(file).is_dir():
        raise UserError(f'--save-predictions writes a JSON file: give it a name that ends in .json, not {file}')
    if os.path.realpath(file) == os.path.realpath(Path(cfg.work_dir) / GROUND_TRUTH):
        raise UserError(f'--save-predictions {file} is where the ground truth is written: choose another file')


def set_result_files(runner: Runner, predictions: str | None, checkpoint: str) -> ResultFiles | None:
    """Have the first metric that can write its predictions and the ground truth; None if there is none.

    Args:
        runner: Of a test whose loop is built.
        predictions: File of the predictions; None for ``predictions.json`` in the work directory.
        checkpoint: The file or URL that is tested.

    Raises:
        UserError: A file would overwrite annotations.
    """
    folder = Path(runner.cfg.work_dir)  # as it was given: that of the runner is absolute
    for metric in runner.test_loop.evaluator.metrics:
        if isinstance(metric, ExactCocoMetric | ExactIoUMetric) and not _only_formats(metric):
            file = Path(predictions or folder / PREDICTIONS)
            truth = getattr(runner.test_loop.dataloader.dataset, 'ann_file', None)
            if truth and os.path.realpath(truth) == os.path.realpath(file):
                raise UserError(f'--save-predictions would overwrite the annotations in {file}: choose another file')
            main_process_first(lambda: refuse_foreign(folder / GROUND_TRUTH))
            metric.files = ResultFiles(file, folder / GROUND_TRUTH, _info(checkpoint))
            return metric.files
    return None


def _only_formats(metric: Any) -> bool:
    """Whether a metric neither gets nor keeps label maps of the ground truth."""
    return isinstance(metric, ExactIoUMetric) and bool(metric.format_only)


def _info(checkpoint: str) -> dict[str, Any]:
    """What is tested: written by the first process."""
    if not is_main_process():
        return {}
    file = locate(checkpoint)
    where = checkpoint if '://' in checkpoint else os.path.abspath(file)
    return dict(
        checkpoint=where,
        sha256=sha256_of(file),
        date=datetime.now().astimezone().isoformat(timespec='seconds'),
        versions=library_versions(),
    )
