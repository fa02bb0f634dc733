"""The metrics against pycocotools and against areas counted pixel by pixel."""
import json

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmbackbones import config_path, get_config
from mmbackbones.engine.config import load_config
from mmbackbones.engine.metrics import FullCocoMetric, FullIoUMetric, use_full_metrics

SIZE = 60
IDS = {'cat': 7, 'dog': 3, 'cow': 9}  # not rising: pycocotools sorts them
STATISTICS = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')


def random_boxes(rng, count):
    corners = rng.uniform(0, SIZE - 20, (count, 2)).round(1)
    return np.hstack((corners, corners + rng.uniform(8, 20, (count, 2)).round(1)))


def as_mask(box):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    x1, y1, x2, y2 = box.round().astype(int)
    mask[y1:y2, x1:(x1 + 2 * x2) // 3] = 1
    return mask


@pytest.fixture
def truth(tmp_path):
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for image in range(1, 7):
        images.append(dict(id=image, file_name=f'{image}.jpg', width=SIZE, height=SIZE))
        for box in random_boxes(rng, 4):
            rle = coco_mask.encode(np.asfortranarray(as_mask(box)))
            annotations.append(dict(
                id=len(annotations) + 1, image_id=image, category_id=int(rng.choice([7, 3])), iscrowd=0,
                bbox=[*box[:2], *(box[2:] - box[:2])], area=float(coco_mask.area(rle)),
                segmentation=dict(rle, counts=rle['counts'].decode())))
    categories = [dict(id=value, name=name) for name, value in IDS.items()]
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(dict(info={}, images=images, annotations=annotations, categories=categories)))
    return path


def predictions(truth):
    """Some of the truth, shifted a little, with scores of random order and labels that are mostly right."""
    rng = np.random.default_rng(1)
    labels = {value: label for label, value in enumerate(IDS.values())}
    coco = COCO(str(truth))
    for image in coco.getImgIds():
        found = [a for a in coco.loadAnns(coco.getAnnIds(image)) if rng.random() < 0.8]
        boxes = np.array([[*a['bbox'][:2], *np.add(a['bbox'][:2], a['bbox'][2:])] for a in found]).reshape(-1, 4)
        boxes = boxes + rng.uniform(-1, 1, boxes.shape)
        names = [labels[a['category_id']] if rng.random() < 0.8 else 1 for a in found]
        masks = np.array([as_mask(box) for box in boxes]).reshape(-1, SIZE, SIZE).astype(bool)
        yield dict(img_id=image, ori_shape=(SIZE, SIZE), pred_instances=dict(
            bboxes=torch.tensor(boxes, dtype=torch.float32), labels=torch.tensor(names, dtype=torch.long),
            scores=torch.tensor(rng.random(len(found)), dtype=torch.float32), masks=torch.tensor(masks)))


def evaluate(truth, samples, **kwargs):
    metric = FullCocoMetric(ann_file=str(truth), metric=['bbox', 'segm'], classwise=True, **kwargs)
    metric.dataset_meta = dict(classes=tuple(IDS))
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def plain(truth, file, kind, cat_ids=None):
    coco = COCO(str(truth))
    evaluation = COCOeval(coco, coco.loadRes(str(file)), kind)
    evaluation.params.catIds = cat_ids or evaluation.params.catIds
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_equal_to_plain_pycocotools_to_the_last_digit(truth, tmp_path, kind):
    metrics = evaluate(truth, list(predictions(truth)), outfile_prefix=str(tmp_path / 'found'))
    stats = plain(truth, tmp_path / f'found.{kind}.json', kind)
    assert [metrics[f'coco/{kind}_{name}'] for name in STATISTICS] == stats[:6].tolist()
    assert 0.2 < stats[0] < 0.9


@pytest.mark.parametrize('name', ['cat', 'dog'])
def test_each_class_is_evaluated_under_its_own_name(truth, tmp_path, name):
    metrics = evaluate(truth, list(predictions(truth)), outfile_prefix=str(tmp_path / 'found'))
    alone = plain(truth, tmp_path / 'found.segm.json', 'segm', [IDS[name]])
    assert metrics[f'coco/segm_AP_{name}'] == alone[0]


def test_a_class_without_objects_and_a_size_without_objects_have_no_figure(truth):
    metrics = evaluate(truth, list(predictions(truth)))
    assert metrics['coco/bbox_AP_cow'] == metrics['coco/bbox_mAP_l'] == -1


def test_a_model_that_detects_nothing_has_earned_zeros(truth):
    nothing = [dict(img_id=1, ori_shape=(SIZE, SIZE), pred_instances=dict(
        bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long), scores=torch.zeros(0),
        masks=torch.zeros(0, SIZE, SIZE, dtype=torch.bool)))]
    assert set(evaluate(truth, nothing).values()) == {0.0}


def test_intersection_over_union_against_pixels():
    rng = np.random.default_rng(0)
    labels, found = rng.integers(0, 3, (2, 4, 30, 20))
    labels[0, :5] = 255
    metric = FullIoUMetric(classwise=True)
    metric.dataset_meta = dict(classes=('a', 'b', 'c', 'd'))
    metric.process({}, [dict(pred_sem_seg=dict(data=torch.tensor(f)), gt_sem_seg=dict(data=torch.tensor(t)))
                        for f, t in zip(found, labels, strict=True)])
    metrics = metric.evaluate(4)
    counted = labels != 255
    iou = [((labels == n) & (found == n)).sum() / ((labels == n) | ((found == n) & counted)).sum() for n in range(3)]
    accuracy = [((labels == n) & (found == n)).sum() / (labels == n).sum() for n in range(3)]
    assert [metrics[f'IoU_{name}'] for name in 'abcd'] == [*iou, -1]
    assert [metrics[f'Acc_{name}'] for name in 'abcd'] == [*accuracy, -1]
    assert metrics['mIoU'] == pytest.approx(np.mean(iou), rel=1e-15)
    assert metrics['mAcc'] == pytest.approx(np.mean(accuracy), rel=1e-15)
    assert metrics['aAcc'] == (labels == found)[counted].mean()


@pytest.mark.parametrize(('name', 'kind'), [('mask_rcnn_van_t', 'FullCocoMetric'), ('upernet_van_t', 'FullIoUMetric')])
def test_put_into_a_config(name, kind):
    cfg = load_config(str(config_path(name)), None, None)
    use_full_metrics(cfg)
    assert cfg.val_evaluator.type == cfg.test_evaluator.type == kind
    assert (cfg.val_evaluator.classwise, cfg.test_evaluator.classwise) == (False, True)


def test_a_users_own_metric_stays():
    cfg = get_config('retinanet_van_t')
    cfg.val_evaluator = cfg.test_evaluator = dict(type='VOCMetric')
    use_full_metrics(cfg)
    assert cfg.val_evaluator == dict(type='VOCMetric')
