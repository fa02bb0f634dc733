"""COCO's and ADE20K's metrics at full precision, class by class where asked for.

MMDetection rounds to three decimals and MMSegmentation to percents with two; here a figure equals what pycocotools
computes to the last digit, all are fractions from 0 to 1, and -1 says that the data holds nothing to measure it by.
"""
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
from mmdet.evaluation import CocoMetric
from mmengine.config import Config
from mmengine.fileio import dump
from mmengine.registry import METRICS
from mmseg.evaluation import IoUMetric
from pycocotools.cocoeval import COCOeval

from .config import dicts_in

_STATISTICS = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')  # the first six of pycocotools
_NOTHING = -1.0


@METRICS.register_module()
class FullCocoMetric(CocoMetric):
    """Average precision of boxes and masks: mAP over IoU 0.50 to 0.95, at 0.50, at 0.75, of small, medium and large
    objects, as ``bbox_mAP``, ``segm_mAP_50``...; with `classwise`, mAP of each class as ``bbox_AP_<class>``.

    Args: As MMDetection's; `metric` is ``bbox``, ``segm`` or both, `ann_file` must be given. With `outfile_prefix` the
        predictions are left in ``<prefix>.bbox.json`` and ``<prefix>.segm.json``, ready for pycocotools: masks carry no
        box, which would count for the size of an object.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The metrics of what :meth:`process` collected: pairs of truth (unused) and predictions, one an image."""
        self.cat_ids = self._coco_api.get_cat_ids(cat_names=self.dataset_meta['classes'])
        predictions = self._predictions([prediction for _, prediction in results])
        if self.outfile_prefix:
            for kind, content in predictions.items():
                dump(content, f'{self.outfile_prefix}.{kind}.json')
        if self.format_only:
            return {}
        metrics = {}
        for kind in self.metrics:
            metrics.update(self._evaluate(kind, predictions[kind]))
        return metrics

    def _predictions(self, results: list[dict]) -> dict[str, list[dict]]:
        """COCO's result format, for each kind of metric."""
        predictions = {kind: [] for kind in self.metrics}
        for result in results:
            scores = {'bbox': result['scores'], 'segm': result.get('mask_scores', result['scores'])}
            for kind, found in predictions.items():
                for i, label in enumerate(result['labels']):
                    shape = dict(bbox=self.xyxy2xywh(result['bboxes'][i])) if kind == 'bbox' else dict(
                        segmentation=_as_text(result['masks'][i]))
                    found.append(dict(image_id=result['img_id'], category_id=self.cat_ids[label],
                                      score=float(scores[kind][i]), **shape))
        return predictions

    def _evaluate(self, kind: str, predictions: list[dict]) -> dict[str, float]:
        names = self.dataset_meta['classes']
        if not predictions:  # pycocotools can't evaluate what detects nothing at all: it has earned zeros
            statistics, by_class = [0.0] * len(_STATISTICS), [0.0] * len(names)
        else:
            with redirect_stdout(StringIO()):
                coco = COCOeval(self._coco_api, self._coco_api.loadRes(predictions), kind)
                coco.params.catIds = self.cat_ids
                coco.evaluate()
                coco.accumulate()
                coco.summarize()
            statistics = coco.stats
            precision = coco.eval['precision'][:, :, :, 0, -1]  # IoU, recall, class; all sizes, most detections
            # pycocotools has sorted the classes by their ids, which need not be the order of the labels.
            columns = (precision[:, :, coco.params.catIds.index(cat_id)] for cat_id in self.cat_ids)
            by_class = [_mean(column[column > -1]) for column in columns]
        metrics = {f'{kind}_{name}': float(value) for name, value in zip(_STATISTICS, statistics, strict=False)}
        if self.classwise:
            metrics.update({f'{kind}_AP_{name}': value for name, value in zip(names, by_class, strict=True)})
        return metrics


@METRICS.register_module()
class FullIoUMetric(IoUMetric):
    """mIoU, mAcc and aAcc; with `classwise`, IoU and accuracy of each class as ``IoU_<class>`` and ``Acc_<class>``.

    Args:
        classwise: Give each class's figures, too.
        Others: As MMSegmentation's; `iou_metrics` stays ``['mIoU']``.
    """

    def __init__(self, classwise: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.classwise = classwise

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The metrics of what :meth:`process` collected: four areas by class, in pixels, for each image."""
        if self.format_only:
            return {}
        intersect, union, _, label = (sum(area.double() for area in areas) for areas in zip(*results, strict=True))
        found = self.total_area_to_metrics(intersect, union, None, label, self.metrics)
        metrics = {f'm{name}': _mean(found[name][~np.isnan(found[name])]) for name in ('IoU', 'Acc')}
        metrics['aAcc'] = float(found['aAcc'])
        if self.classwise:
            classes = self.dataset_meta['classes']
            for name in ('IoU', 'Acc'):
                values = np.nan_to_num(found[name], nan=_NOTHING).tolist()
                metrics.update({f'{name}_{label}': value for label, value in zip(classes, values, strict=True)})
        return metrics


def use_full_metrics(cfg: Config) -> None:
    """Put these metrics in the place of the libraries' in validation and test; in the test, class by class."""
    for name in ('val_evaluator', 'test_evaluator'):
        for evaluator in dicts_in(cfg[name]):
            kind = evaluator.get('type')
            if kind == 'CocoMetric' and {'bbox', 'segm'}.issuperset(_listed(evaluator.metric)):
                evaluator.update(type='FullCocoMetric', classwise=name == 'test_evaluator')
            elif kind == 'IoUMetric' and evaluator.iou_metrics == ['mIoU']:
                evaluator.update(type='FullIoUMetric', classwise=name == 'test_evaluator')


def _listed(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def _as_text(mask: dict) -> dict:
    """Runs of pixels (RLE) as JSON can hold them."""
    counts = mask['counts']
    return dict(mask, counts=counts.decode() if isinstance(counts, bytes) else counts)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else _NOTHING
