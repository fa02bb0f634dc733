"""COCO and IoU metrics at full precision, per class on request.

MMDetection rounds to three decimals and MMSegmentation to percentages with two. Here COCO metrics equal those of
pycocotools to the last digit, all metrics are fractions from 0 to 1, and -1 means undefined (no ground truth).
"""

from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mmdet.datasets.api_wrappers import COCO
from mmdet.evaluation import CocoMetric
from mmengine.fileio import dump
from mmengine.registry import METRICS
from mmseg.evaluation import IoUMetric

from ..errors import UserError
from ..utils.atomic_write import atomic_write
from .coco_evaluation import ArrayCOCOeval
from .coco_form import rle_text, xywh
from .metric_options import MAP_DETECTIONS, detection_counts, statistics, strings
from .result_files import LabeledImage, ResultFiles, write_labels, write_objects

_UNDEFINED = -1.0


# The second name of each is that of version 0.1, which stands in the configs and checkpoints that it wrote.
@METRICS.register_module(name=['ExactCocoMetric', 'FullCocoMetric'])
class ExactCocoMetric(CocoMetric):
    """Average precision of boxes and masks, as pycocotools computes it.

    The metrics are mAP over IoU 0.50 to 0.95, at 0.50, at 0.75, and of small, medium and large objects, as
    ``bbox_mAP``, ``segm_mAP_50`` and so on. With `classwise`, the mAP of each class is ``bbox_AP_<class>``.

    Args:
        metric: ``bbox``, ``segm`` or both.
        proposal_nums: Three numbers of detections per image, for mAP and average recall. Default: 1, 10 and 100, as in
            pycocotools, or 100, 300 and 1000, as in MMDetection, if `metric_items` names one of those.
        metric_items: Names of the metrics, such as ``mAP`` or ``AR@100``. Default: those of mAP.
        **kwargs: Arguments of :class:`mmdet.evaluation.CocoMetric`; `use_mp_eval` makes no difference, because one
            process is faster here than several there. With `outfile_prefix` the predictions are written
            to ``<prefix>.bbox.json`` and ``<prefix>.segm.json``, ready for pycocotools: masks have no box, because it
            would count as the size of the object.

    Attributes:
        files: Files to write all predictions and the ground truth to; None: to none.
    """

    _coco_api: Any
    files: ResultFiles | None = None

    def __init__(
        self,
        metric: str | Sequence[str] = 'bbox',
        proposal_nums: Sequence[int] | None = None,
        metric_items: Sequence[str] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(
            metric=strings(metric),
            proposal_nums=detection_counts(proposal_nums, metric_items),
            metric_items=metric_items,
            **kwargs,
        )

    @CocoMetric.dataset_meta.setter
    def dataset_meta(self, meta: dict) -> None:
        """Set the classes of the data set, before the first image.

        Raises:
            UserError: The annotation file lacks one of them, so that later labels would stand for other classes.
        """
        known = self._coco_api and {category['name'] for category in self._coco_api.dataset['categories']}
        if known and (lacking := [name for name in meta['classes'] if name not in known]):
            raise UserError(
                f"the evaluator's annotation file has no category {lacking[0]!r}, which is one of the "
                f"data set's classes; it has {', '.join(map(repr, sorted(known)[:8]))}"
            )
        self._dataset_meta = meta

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Collect ground truth and predictions of a batch.

        Raises:
            UserError: Masks are to be evaluated, and the model predicts none.
        """
        if 'segm' in self.metrics and any('masks' not in sample['pred_instances'] for sample in data_samples):
            raise UserError(
                "the metric 'segm' needs a model that predicts masks, but this one predicts none: use metric='bbox'"
            )
        super().process(data_batch, data_samples)
        for sample, (ground_truth, _) in zip(data_samples, self.results[-len(data_samples) :], strict=True):
            ground_truth['img_path'] = sample.get('img_path', '')

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics.

        Args:
            results: What :meth:`process` has collected: a pair of ground truth and prediction per image.

        Raises:
            UserError: The predictions cannot be written.
        """
        if self._coco_api is None:  # without an annotation file the samples carry the ground truth
            self._coco_api = self._from_samples([ground_truth for ground_truth, _ in results])
        self.cat_ids = self._coco_api.get_cat_ids(cat_names=self.dataset_meta['classes'])
        predictions = self._predictions([prediction for _, prediction in results])
        if self.files:
            task = 'segm' if 'segm' in self.metrics else 'bbox'
            write_objects(self.files, results, self._coco_api, self.dataset_meta['classes'], self.cat_ids, task)
        if self.outfile_prefix:
            for kind, content in predictions.items():
                _write(content, Path(f'{self.outfile_prefix}.{kind}.json'))
        if self.format_only:
            return {}
        metrics = {}
        for kind in self.metrics:
            metrics.update(self._evaluate(kind, predictions[kind]))
        return metrics

    def _from_samples(self, ground_truth: list[dict]) -> COCO:
        with TemporaryDirectory() as folder, redirect_stdout(StringIO()):
            return COCO(self.gt_to_coco_json(ground_truth, f'{folder}/samples'))

    def _predictions(self, results: list[dict]) -> dict[str, list[dict]]:
        """Predictions in COCO's result format, for each kind of metric."""
        predictions: dict[str, list[dict]] = {kind: [] for kind in self.metrics}
        for result in results:
            scores = {'bbox': result['scores'], 'segm': result.get('mask_scores', result['scores'])}
            for kind, found in predictions.items():
                for i, label in enumerate(result['labels']):
                    shape = (
                        dict(bbox=list(xywh(result['bboxes'][i])))
                        if kind == 'bbox'
                        else dict(segmentation=rle_text(result['masks'][i]))
                    )
                    found.append(
                        dict(
                            image_id=result['img_id'],
                            category_id=self.cat_ids[label],
                            score=float(scores[kind][i]),
                            **shape,
                        )
                    )
        return predictions

    def _evaluate(self, kind: str, predictions: list[dict]) -> dict[str, float]:
        with redirect_stdout(StringIO()):
            coco = ArrayCOCOeval(self._coco_api, self._loaded(predictions), kind)
            coco.params.catIds = self.cat_ids
            coco.params.maxDets = self.proposal_nums
            coco.params.iouThrs = np.atleast_1d(self.iou_thrs)
            coco.evaluate()
            coco.accumulate()
            coco.summarize()
        figures = dict(zip(statistics(self.proposal_nums), coco.stats.tolist(), strict=True))
        items = list(figures)[:6] if self.metric_items is None else self.metric_items
        metrics = {f'{kind}_{name}': figures[name] for name in items}
        if self.classwise:
            # Axes IoU, recall and class; of all sizes, with as many detections as mAP counts.
            precision = coco.eval['precision'][:, :, :, 0, self.proposal_nums.index(MAP_DETECTIONS)]
            for category in self._coco_api.load_cats(self.cat_ids):
                # pycocotools has sorted the classes by id, which may not be the order of the labels.
                column = precision[:, :, coco.params.catIds.index(category['id'])]
                metrics[f'{kind}_AP_{category["name"]}'] = _mean(column[column > -1])
        return metrics

    def _loaded(self, predictions: list[dict]) -> COCO:
        """Predictions as a COCO object; the own function of pycocotools fails if nothing is detected at all."""
        if predictions:
            return self._coco_api.loadRes(predictions)
        nothing = COCO()
        nothing.dataset = {**self._coco_api.dataset, 'annotations': []}
        nothing.createIndex()
        return nothing


@METRICS.register_module(name=['ExactIoUMetric', 'FullIoUMetric'])
class ExactIoUMetric(IoUMetric):
    """Intersection over union and accuracy: ``mIoU``, ``mAcc`` and ``aAcc``.

    Args:
        classwise: Whether to give those of each class, too, as ``IoU_<class>`` and ``Acc_<class>``.
        **kwargs: Arguments of :class:`mmseg.evaluation.IoUMetric`; `iou_metrics` stays ``['mIoU']``. With `nan_to_num`
            a class without ground truth counts as that number, also in the means.

    Attributes:
        files: Files to write all predictions and the ground truth to; None: to none.
    """

    files: ResultFiles | None = None

    def __init__(self, classwise: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.classwise = classwise

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Collect the areas of a batch, and what is to be written of it."""
        super().process(data_batch, data_samples)
        if not self.files or self.format_only:
            return
        for place, sample in enumerate(data_samples, len(self.results) - len(data_samples)):
            found, truth = (sample[name]['data'].squeeze(0).cpu().numpy() for name in ('pred_sem_seg', 'gt_sem_seg'))
            classes = len(self.dataset_meta['classes'])
            image = LabeledImage.of(sample.get('img_path', ''), found, truth, classes, self.ignore_index)
            self.results[place] = (*self.results[place], image)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Compute the metrics.

        Args:
            results: What :meth:`process` has collected: per image the areas of intersection, union, prediction and
                ground truth, in pixels of each class.

        Raises:
            UserError: A file cannot be written.
        """
        if self.format_only:
            return {}
        if self.files:
            images = [image for *_, image in results]
            write_labels(self.files, images, self.dataset_meta['classes'], _label_numbers(self.dataset_meta))
        areas = zip(*(result[:4] for result in results), strict=True)
        intersect, union, _, label = (sum(area.double() for area in kind) for kind in areas)
        found = self.total_area_to_metrics(intersect, union, None, label, ['mIoU'], self.nan_to_num)
        metrics = {f'm{name}': _mean(found[name][~np.isnan(found[name])]) for name in ('IoU', 'Acc')}
        metrics['aAcc'] = _mean(found['aAcc'][~np.isnan(found['aAcc'])])
        if self.classwise:
            classes = self.dataset_meta['classes']
            for name in ('IoU', 'Acc'):
                values = np.nan_to_num(found[name], nan=_UNDEFINED).tolist()
                metrics.update({f'{name}_{label}': value for label, value in zip(classes, values, strict=True)})
        return metrics


def _write(predictions: list[dict], path: Path) -> None:
    try:
        with atomic_write(path) as partial:
            dump(predictions, str(partial), file_format='json')
    except OSError as error:
        raise UserError(f'cannot write the predictions to {path}: {error.strerror or error}') from error


def _label_numbers(meta: dict) -> Sequence[int]:
    """The value of each class in the label maps of a data set."""
    count, first = len(meta['classes']), int(bool(meta.get('reduce_zero_label')))
    numbers = meta.get('category_ids') or ()
    return numbers if len(numbers) == count else range(first, first + count)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else _UNDEFINED
