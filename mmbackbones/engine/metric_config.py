"""Evaluators of a config: the metrics at full precision, and checks of their options."""

import os
from pathlib import Path

from mmengine.config import Config
from mmengine.dataset import BaseDataset

from ..errors import UserError
from ..evaluation.metric_options import (
    COCO_METRICS,
    IOU_METRICS,
    check_choice,
    check_coco_options,
    check_iou_options,
    strings,
)
from .config_tree import dicts_in


def use_exact_metrics(cfg: Config) -> None:
    """Replace the libraries' metrics by those at full precision, in validation and test; per class in the test.

    Args:
        cfg: Config with ``test_evaluator``, and with ``val_evaluator`` if it is trained; changed in place. Metrics of
            other types stay.

    Raises:
        UserError: An evaluator has an option that does not exist or that cannot be honored.
    """
    for name in ('val_evaluator', 'test_evaluator'):
        for evaluator in dicts_in(cfg.get(name)):
            kind = str(evaluator.get('type')).removeprefix('mmdet.').removeprefix('mmseg.')
            if kind == 'CocoMetric':
                check_choice(evaluator, name, 'metric', COCO_METRICS)
                if not {'bbox', 'segm'}.issuperset(strings(evaluator.get('metric', 'bbox'))):
                    continue
                check_coco_options(evaluator, name)
                evaluator.type = 'ExactCocoMetric'
            elif kind == 'IoUMetric':
                check_choice(evaluator, name, 'iou_metrics', IOU_METRICS)
                if strings(evaluator.get('iou_metrics', 'mIoU')) != ['mIoU']:
                    continue
                check_iou_options(evaluator, name)
                evaluator.type = 'ExactIoUMetric'
            else:
                continue
            evaluator.setdefault('classwise', name == 'test_evaluator')


def check_output_names(cfg: Config, dataset: BaseDataset) -> None:
    """Check that ``IoUMetric`` can write the label maps of a test to one folder, if its ``output_dir`` asks for that.

    Args:
        cfg: The config that is run.
        dataset: The data set that is tested on.

    Raises:
        UserError: Two images have the same name, so that one label map would overwrite the other, or the folder holds
            images or label maps of the data.
    """
    for evaluator in dicts_in(cfg.test_evaluator):
        if evaluator.get('type') not in ('ExactIoUMetric', 'FullIoUMetric') or not evaluator.get('output_dir'):
            continue
        first: dict[str, str] = {}
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            image = info['img_path']
            if (other := first.setdefault(Path(image).stem, image)) != image:
                raise UserError(
                    'test_evaluator.output_dir is one folder for all label maps, but two images have the same name: '
                    f'{other} and {image}; leave it out'
                )
            for path in (image, info.get('seg_map_path') or image):
                if os.path.realpath(evaluator.output_dir) == os.path.realpath(os.path.dirname(path)):
                    raise UserError(
                        f'test_evaluator.output_dir={evaluator.output_dir!r} holds {path}: choose a folder '
                        'that is no part of the data'
                    )
