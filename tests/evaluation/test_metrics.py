"""Metrics compared with pycocotools, and with areas counted pixel by pixel."""

import json

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmbackbones.errors import UserError
from mmbackbones.evaluation.metrics import ExactCocoMetric, ExactIoUMetric
from mmbackbones.evaluation.result_files import ResultFiles

SIZE = 60
IDS = {'cat': 7, 'dog': 3, 'cow': 9}  # not rising: pycocotools sorts them
STATISTICS = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')


def random_boxes(rng, count):
    corners = rng.uniform(0, SIZE - 20, (count, 2)).round(1)
    return np.hstack((corners, corners + rng.uniform(8, 20, (count, 2)).round(1)))


def as_mask(box):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    x1, y1, x2, y2 = box.round().astype(int)
    mask[y1:y2, x1 : (x1 + 2 * x2) // 3] = 1
    return mask


@pytest.fixture
def ground_truth(tmp_path):
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for image in range(1, 7):
        images.append(dict(id=image, file_name=f'{image}.jpg', width=SIZE, height=SIZE))
        for box in random_boxes(rng, 4):
            rle = coco_mask.encode(np.asfortranarray(as_mask(box)))
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image,
                    category_id=int(rng.choice([7, 3])),
                    iscrowd=0,
                    bbox=[*box[:2], *(box[2:] - box[:2])],
                    area=float(coco_mask.area(rle)),
                    segmentation=dict(rle, counts=rle['counts'].decode()),
                )
            )
    categories = [dict(id=value, name=name) for name, value in IDS.items()]
    path = tmp_path / 'ground_truth.json'
    path.write_text(json.dumps(dict(info={}, images=images, annotations=annotations, categories=categories)))
    return path


def predictions(ground_truth):
    """Some of the ground truth, shifted a little, with random scores and labels that are mostly right."""
    rng = np.random.default_rng(1)
    labels = {value: label for label, value in enumerate(IDS.values())}
    coco = COCO(str(ground_truth))
    for image in coco.getImgIds():
        found = [a for a in coco.loadAnns(coco.getAnnIds(image)) if rng.random() < 0.8]
        boxes = np.array([[*a['bbox'][:2], *np.add(a['bbox'][:2], a['bbox'][2:])] for a in found]).reshape(-1, 4)
        boxes = boxes + rng.uniform(-1, 1, boxes.shape)
        names = [labels[a['category_id']] if rng.random() < 0.8 else 1 for a in found]
        masks = np.array([as_mask(box) for box in boxes]).reshape(-1, SIZE, SIZE).astype(bool)
        yield dict(
            img_id=image,
            ori_shape=(SIZE, SIZE),
            pred_instances=dict(
                bboxes=torch.tensor(boxes, dtype=torch.float32),
                labels=torch.tensor(names, dtype=torch.long),
                scores=torch.tensor(rng.random(len(found)), dtype=torch.float32),
                masks=torch.tensor(masks),
            ),
        )


def evaluate(ground_truth, samples, **kwargs):
    metric = ExactCocoMetric(ann_file=str(ground_truth), metric=['bbox', 'segm'], classwise=True, **kwargs)
    metric.dataset_meta = dict(classes=tuple(IDS))
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def plain(ground_truth, file, kind, cat_ids=None, change=None):
    coco = COCO(str(ground_truth))
    evaluation = COCOeval(coco, coco.loadRes(str(file)), kind)
    evaluation.params.catIds = cat_ids or evaluation.params.catIds
    if change:
        change(evaluation.params)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_equal_to_plain_pycocotools_to_the_last_digit(ground_truth, tmp_path, kind):
    metrics = evaluate(ground_truth, list(predictions(ground_truth)), outfile_prefix=str(tmp_path / 'found'))
    stats = plain(ground_truth, tmp_path / f'found.{kind}.json', kind)
    assert [metrics[f'coco/{kind}_{name}'] for name in STATISTICS] == stats[:6].tolist()
    assert 0.2 < stats[0] < 0.9


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_saved_predictions_give_the_same_figures(ground_truth, tmp_path, kind):
    metric = ExactCocoMetric(ann_file=str(ground_truth), metric=['bbox', 'segm'])
    metric.dataset_meta = dict(classes=tuple(IDS))
    metric.files = ResultFiles(tmp_path / 'predictions.json')
    samples = list(predictions(ground_truth))
    metric.process({}, samples[:2])
    metric.process({}, samples[2:])
    metrics = metric.evaluate(len(samples))
    content = json.loads(metric.files.predictions.read_text())
    truth = json.loads(ground_truth.read_text())
    assert content['images'] == truth['images']
    assert sorted(content['categories'], key=str) == sorted(truth['categories'], key=str)
    if kind == 'segm':  # pycocotools would take the size of the box for that of the object
        content['annotations'] = [
            {key: value for key, value in item.items() if key != 'bbox'} for item in content['annotations']
        ]
    (tmp_path / 'list.json').write_text(json.dumps(content['annotations']))
    stats = plain(ground_truth, tmp_path / 'list.json', kind)
    assert [metrics[f'coco/{kind}_{name}'] for name in STATISTICS] == stats[:6].tolist()


def test_saved_predictions_without_an_annotation_file(ground_truth, tmp_path):
    metric = ExactCocoMetric(metric='bbox')
    metric.dataset_meta = dict(classes=tuple(IDS))
    metric.files = ResultFiles(tmp_path / 'predictions.json')
    samples = [
        {**sample, 'instances': [], 'img_path': f'photos/{sample["img_id"]}.jpg'}
        for sample in predictions(ground_truth)
    ]
    metric.process({}, samples)
    metric.evaluate(len(samples))
    content = json.loads(metric.files.predictions.read_text())
    assert [image['file_name'] for image in content['images']] == [sample['img_path'] for sample in samples]
    assert len(content['annotations']) == sum(len(sample['pred_instances']['scores']) for sample in samples)


@pytest.mark.parametrize('name', ['cat', 'dog'])
def test_each_class_is_evaluated_under_its_own_name(ground_truth, tmp_path, name):
    metrics = evaluate(ground_truth, list(predictions(ground_truth)), outfile_prefix=str(tmp_path / 'found'))
    alone = plain(ground_truth, tmp_path / 'found.segm.json', 'segm', [IDS[name]])
    assert metrics[f'coco/segm_AP_{name}'] == alone[0]


def test_a_class_without_objects_and_a_size_without_objects_have_no_figure(ground_truth):
    metrics = evaluate(ground_truth, list(predictions(ground_truth)))
    assert metrics['coco/bbox_AP_cow'] == metrics['coco/bbox_mAP_l'] == -1


def no_detections(image=1):
    return dict(
        img_id=image,
        ori_shape=(SIZE, SIZE),
        pred_instances=dict(
            bboxes=torch.zeros(0, 4),
            labels=torch.zeros(0, dtype=torch.long),
            scores=torch.zeros(0),
            masks=torch.zeros(0, SIZE, SIZE, dtype=torch.bool),
        ),
    )


def one_detection(box, label):
    """A box of no score in the last image, that overlaps nothing."""
    found = dict(
        bboxes=torch.tensor([box]),
        labels=torch.tensor([label]),
        scores=torch.zeros(1),
        masks=torch.zeros(1, SIZE, SIZE, dtype=torch.bool),
    )
    return dict(img_id=6, ori_shape=(SIZE, SIZE), pred_instances=found)


def test_a_model_that_detects_nothing_has_what_one_useless_detection_gives(ground_truth):
    """0 where there is ground truth; -1 for the class and the size that have none."""
    nothing = evaluate(ground_truth, [no_detections()])
    assert nothing == evaluate(ground_truth, [one_detection([900.0, 900, 910, 910], 0)])
    undefined = {f'coco/{kind}_{name}' for kind in ('bbox', 'segm') for name in ('mAP_l', 'mAP_m', 'AP_cow')}
    undefined = {key for key in undefined if nothing[key] == -1}
    assert {'coco/bbox_AP_cow', 'coco/segm_AP_cow', 'coco/bbox_mAP_l', 'coco/segm_mAP_l'} <= undefined
    assert {value for key, value in nothing.items() if key not in undefined} == {0.0}
    assert nothing['coco/bbox_mAP'] == nothing['coco/bbox_AP_cat'] == 0


def test_without_any_ground_truth_nothing_is_defined(ground_truth):
    content = json.loads(ground_truth.read_text())
    ground_truth.write_text(json.dumps(content | dict(annotations=[])))
    assert set(evaluate(ground_truth, [no_detections()]).values()) == {-1.0}


OPTIONS = [
    dict(iou_thrs=[0.5, 0.75]),
    dict(iou_thrs=0.3),
    dict(proposal_nums=[1, 2, 100]),
    dict(proposal_nums=[1000, 300, 100]),
    dict(use_mp_eval=True),
]


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_options_are_those_of_pycocotools(ground_truth, tmp_path, kind, options):
    def change(params):
        params.iouThrs = np.atleast_1d(options.get('iou_thrs', params.iouThrs))
        params.maxDets = options.get('proposal_nums', params.maxDets)

    metrics = evaluate(ground_truth, list(predictions(ground_truth)), outfile_prefix=str(tmp_path / 'found'), **options)
    stats = plain(ground_truth, tmp_path / f'found.{kind}.json', kind, change=change)
    assert [metrics[f'coco/{kind}_{name}'] for name in STATISTICS] == stats[:6].tolist()
    alone = plain(ground_truth, tmp_path / f'found.{kind}.json', kind, [IDS['cat']], change=change)
    assert metrics[f'coco/{kind}_AP_cat'] == alone[0]


@pytest.mark.parametrize(
    ('items', 'counts', 'places'),
    [
        (['mAP_75', 'mAP'], None, [2, 0]),
        (['AR@1', 'AR@10', 'AR@100', 'AR_s@100'], None, [6, 7, 8, 9]),
        (['AR@2', 'mAP_s', 'AR_m@100'], [1, 2, 100], [7, 3, 10]),
        (['AR@100', 'AR@1000'], None, [6, 8]),  # MMDetection's numbers
    ],
)
def test_metric_items_are_given_alone_and_in_their_order(ground_truth, tmp_path, items, counts, places):
    def change(params):
        params.maxDets = counts or ([100, 300, 1000] if 'AR@1000' in items else [1, 10, 100])

    metrics = evaluate(
        ground_truth,
        list(predictions(ground_truth)),
        outfile_prefix=str(tmp_path / 'found'),
        metric_items=items,
        proposal_nums=counts,
    )
    stats = plain(ground_truth, tmp_path / 'found.bbox.json', 'bbox', change=change)
    assert [key for key in metrics if 'bbox' in key and '_AP_' not in key] == [f'coco/bbox_{item}' for item in items]
    assert [metrics[f'coco/bbox_{item}'] for item in items] == stats[places].tolist()


def test_format_only_leaves_the_predictions_and_no_figure(ground_truth, tmp_path):
    assert (
        evaluate(
            ground_truth, list(predictions(ground_truth)), format_only=True, outfile_prefix=str(tmp_path / 'found')
        )
        == {}
    )
    assert {path.name for path in tmp_path.glob('found*')} == {'found.bbox.json', 'found.segm.json'}


def test_predictions_that_cannot_be_written_are_one_sentence(ground_truth, tmp_path):
    (tmp_path / 'found.segm.json').mkdir()
    with pytest.raises(UserError, match=r'cannot write the predictions to .*found\.segm\.json: Is a directory'):
        evaluate(ground_truth, list(predictions(ground_truth)), outfile_prefix=str(tmp_path / 'found'))
    assert {path.name for path in tmp_path.glob('found*')} == {'found.bbox.json', 'found.segm.json'}


def test_masks_of_a_model_without_masks_are_refused_at_the_first_batch(ground_truth):
    sample = no_detections()
    del sample['pred_instances']['masks']
    with pytest.raises(UserError, match="'segm' needs a model that predicts masks"):
        evaluate(ground_truth, [sample])


def test_without_an_annotation_file_the_samples_are_the_ground_truth(ground_truth):
    coco = COCO(str(ground_truth))
    labels = {value: label for label, value in enumerate(IDS.values())}
    samples = list(predictions(ground_truth))
    for sample in samples:
        sample['instances'] = [
            dict(bbox_label=labels[a['category_id']], bbox=[*a['bbox'][:2], *np.add(a['bbox'][:2], a['bbox'][2:])])
            for a in coco.loadAnns(coco.getAnnIds(sample['img_id']))
        ]
    metric = ExactCocoMetric(classwise=True)
    metric.dataset_meta = dict(classes=tuple(IDS))
    metric.process({}, samples)
    found, expected = metric.evaluate(len(samples)), evaluate(ground_truth, samples)
    for name in ('mAP', 'mAP_50', 'AP_cat', 'AP_dog', 'AP_cow'):
        assert found[f'coco/bbox_{name}'] == pytest.approx(expected[f'coco/bbox_{name}'], abs=1e-12)


def test_a_class_that_the_annotation_file_lacks_is_refused_before_the_first_image(ground_truth):
    metric = ExactCocoMetric(ann_file=str(ground_truth))
    with pytest.raises(UserError, match="no category 'horse'.*'cat', 'cow', 'dog'"):
        metric.dataset_meta = dict(classes=('horse', *IDS))


def test_figures_of_classes_have_the_names_of_the_annotation_file(ground_truth):
    """MMDetection numbers the labels in the order of that file, whatever the order of the class list."""
    samples = list(predictions(ground_truth))
    metric = ExactCocoMetric(ann_file=str(ground_truth), classwise=True)
    metric.dataset_meta = dict(classes=('cow', 'dog', 'cat'))
    metric.process({}, samples)
    found, expected = metric.evaluate(len(samples)), evaluate(ground_truth, samples)
    assert found['coco/bbox_AP_cat'] == expected['coco/bbox_AP_cat'] > 0
    assert found['coco/bbox_AP_cow'] == -1


def test_intersection_over_union_against_pixels():
    rng = np.random.default_rng(0)
    labels, found = rng.integers(0, 3, (2, 4, 30, 20))
    labels[0, :5] = 255
    metric = ExactIoUMetric(classwise=True)
    metric.dataset_meta = dict(classes=('a', 'b', 'c', 'd'))
    metric.process(
        {},
        [
            dict(pred_sem_seg=dict(data=torch.tensor(f)), gt_sem_seg=dict(data=torch.tensor(t)))
            for f, t in zip(found, labels, strict=True)
        ],
    )
    metrics = metric.evaluate(4)
    counted = labels != 255
    iou = [((labels == n) & (found == n)).sum() / ((labels == n) | ((found == n) & counted)).sum() for n in range(3)]
    accuracy = [((labels == n) & (found == n)).sum() / (labels == n).sum() for n in range(3)]
    assert [metrics[f'IoU_{name}'] for name in 'abcd'] == [*iou, -1]
    assert [metrics[f'Acc_{name}'] for name in 'abcd'] == [*accuracy, -1]
    assert metrics['mIoU'] == pytest.approx(np.mean(iou), rel=1e-15)
    assert metrics['mAcc'] == pytest.approx(np.mean(accuracy), rel=1e-15)
    assert metrics['aAcc'] == (labels == found)[counted].mean()


def iou_metrics(found, labels, **options):
    metric = ExactIoUMetric(classwise=True, **options)
    metric.dataset_meta = dict(classes=('a', 'b', 'c'))
    metric.process({}, [dict(pred_sem_seg=dict(data=torch.tensor(found)), gt_sem_seg=dict(data=torch.tensor(labels)))])
    return metric.evaluate(1)


def test_nan_to_num_counts_absent_classes_as_that_number():
    found = labels = [[0, 0], [1, 1]]
    assert iou_metrics(found, labels)['mIoU'] == 1
    metrics = iou_metrics(found, labels, nan_to_num=0)
    assert metrics['mIoU'] == pytest.approx(2 / 3)
    assert metrics['IoU_c'] == metrics['Acc_c'] == 0


def test_an_image_without_labels_defines_no_figure():
    metrics = iou_metrics([[0, 1]], [[255, 255]])
    assert set(metrics.values()) == {-1.0}
