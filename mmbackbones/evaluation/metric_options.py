"""Options of the metrics: checked before a run starts, so that none is ignored."""

import inspect
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from mmdet.evaluation import CocoMetric
from mmengine.config import ConfigDict
from mmseg.evaluation import IoUMetric

from ..errors import UserError
from ..utils.folders import require_writable

MAP_DETECTIONS = 100  # detections per image, the only number at which pycocotools gives mAP
COCO_METRICS = ('bbox', 'segm', 'proposal', 'proposal_fast')
IOU_METRICS = ('mIoU', 'mDice', 'mFscore')
_COUNTS = [1, 10, 100]  # pycocotools' own numbers of detections
_MMDET_COUNTS = [100, 300, 1000]
_NO_OPTIONS = ('kwargs', 'type', '_scope_')


def strings(one_or_several: str | Sequence[str]) -> list[str]:
    """The strings as a list, whether one is given or several."""
    return [one_or_several] if isinstance(one_or_several, str) else list(one_or_several)


def statistics(counts: Sequence[int]) -> list[str]:
    """Names of the twelve metrics of pycocotools, in its order.

    Args:
        counts: Three rising numbers of detections per image.
    """
    few, some, most = counts
    return [
        'mAP',
        'mAP_50',
        'mAP_75',
        'mAP_s',
        'mAP_m',
        'mAP_l',
        f'AR@{few}',
        f'AR@{some}',
        f'AR@{most}',
        f'AR_s@{most}',
        f'AR_m@{most}',
        f'AR_l@{most}',
    ]


def detection_counts(given: Sequence[int] | None, items: Sequence[str] | None) -> list[int]:
    """Numbers of detections per image to evaluate, rising.

    Args:
        given: ``proposal_nums`` of the metric.
        items: ``metric_items`` of the metric, which decide if nothing is given.
    """
    if given is not None:
        return sorted(given)
    return _COUNTS if set(items or ()).issubset(statistics(_COUNTS)) else _MMDET_COUNTS


def check_coco_options(evaluator: ConfigDict, name: str) -> None:
    """Check the options of a ``CocoMetric``.

    Args:
        evaluator: Config of the metric.
        name: How messages call it, such as ``test_evaluator``.

    Raises:
        UserError: An option does not exist or cannot be honored.
    """
    _check_names(evaluator, name, CocoMetric)
    for key, reason in (
        ('file_client_args', 'is no longer supported by MMDetection: use backend_args'),
        (
            'sort_categories',
            'is for Objects365V1Dataset, but labels follow the order of the annotation file here: leave it out',
        ),
    ):
        if evaluator.get(key):
            raise UserError(f'{name}.{key} {reason}')
    counts = evaluator.get('proposal_nums')
    if counts is not None and not (_are_numbers(counts, int, 1) and len(set(counts)) == 3 and MAP_DETECTIONS in counts):
        raise UserError(
            f'{name}.proposal_nums must be three different numbers of detections per image, one of them '
            f'{MAP_DETECTIONS}, at which pycocotools measures mAP; got {counts!r}'
        )
    thresholds = evaluator.get('iou_thrs')
    if thresholds is not None and not _are_numbers(
        [thresholds] if isinstance(thresholds, Real) else thresholds, Real, 0, 1
    ):
        raise UserError(f'{name}.iou_thrs must be a number from 0 to 1 or a list of them, got {thresholds!r}')
    items = evaluator.get('metric_items')
    if items is not None:
        known = statistics(detection_counts(counts, items if isinstance(items, list | tuple) else None))
        unknown = [item for item in items if item not in known] if isinstance(items, list | tuple) else [items]
        if unknown:
            raise UserError(f'{name}.metric_items must be a list of {", ".join(known)}; got {unknown[0]!r}')
    _check_output(evaluator, name, 'outfile_prefix')


def check_iou_options(evaluator: ConfigDict, name: str) -> None:
    """Check the options of an ``IoUMetric``.

    Args:
        evaluator: Config of the metric.
        name: How messages call it, such as ``test_evaluator``.

    Raises:
        UserError: An option does not exist or cannot be honored.
    """
    _check_names(evaluator, name, IoUMetric)
    if evaluator.get('beta', 1) != 1:
        raise UserError(f"{name}.beta is for iou_metrics=['mFscore'], which is not requested: leave it out")
    number = evaluator.get('nan_to_num')
    if number is not None and not _are_numbers([number], Real, float('-inf')):
        raise UserError(f'{name}.nan_to_num must be a number, got {number!r}')
    _check_output(evaluator, name, 'output_dir')


def check_choice(evaluator: ConfigDict, name: str, key: str, choices: Sequence[str]) -> None:
    """Check an option that has one or several of some values.

    Args:
        evaluator: Config of the metric.
        name: How messages call it, such as ``test_evaluator``.
        key: Name of the option.
        choices: Values that it may have; the first is the default.

    Raises:
        UserError: It has another value.
    """
    for kind in strings(evaluator.get(key, choices[0])):
        if kind not in choices:
            raise UserError(f'{name}.{key} must be one or several of {", ".join(choices)}; got {kind!r}')


def _check_names(evaluator: ConfigDict, name: str, metric: type) -> None:
    names = [*inspect.signature(metric).parameters, 'classwise', 'type', '_scope_']
    if unknown := [key for key in evaluator if key not in names]:
        raise UserError(
            f'{name}.{unknown[0]} is not an option of {metric.__name__}; it has '
            f'{", ".join(key for key in names if key not in _NO_OPTIONS)}'
        )
    device = evaluator.get('collect_device', 'cpu')
    if device not in ('cpu', 'gpu'):
        raise UserError(f"{name}.collect_device must be 'cpu' or 'gpu', got {device!r}")


def _check_output(evaluator: ConfigDict, name: str, key: str) -> None:
    """Check an option that says where predictions are written: a folder, or a prefix of file names."""
    output = evaluator.get(key)
    if output is None:
        if evaluator.get('format_only'):
            raise UserError(f'{name}.format_only writes predictions and evaluates nothing: say where with {name}.{key}')
        return
    if not isinstance(output, str):
        raise UserError(f'{name}.{key} must be a path, got {output!r}')
    require_writable(output if key == 'output_dir' else Path(output).parent, f'{name}.{key}')


def _are_numbers(values: Any, kind: Any, low: float, high: float = float('inf')) -> bool:
    return (
        isinstance(values, list | tuple)
        and len(values) > 0
        and all(isinstance(value, kind) and not isinstance(value, bool) and low <= value <= high for value in values)
    )
