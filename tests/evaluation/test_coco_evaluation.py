"""The figures of the evaluation on arrays are those of pycocotools, to the last digit."""

from contextlib import redirect_stdout
from copy import deepcopy
from io import StringIO

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmbackbones.evaluation import coco_matching
from mmbackbones.evaluation.coco_evaluation import ArrayCOCOeval

WIDTH, HEIGHT = 150, 120


def random_box(rng):
    x, y = rng.uniform(0, WIDTH - 5), rng.uniform(0, HEIGHT - 5)
    return np.round([x, y, rng.uniform(1, WIDTH - x), rng.uniform(1, HEIGHT - y)], 2).tolist()


def mask_of(box):
    x, y, width, height = (max(0, int(value)) for value in box)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order='F')
    mask[y : y + height, x : x + width] = 1
    rle = coco_mask.encode(mask)
    return dict(rle, counts=rle['counts'].decode())


def shaped(kind, box):
    """A box, or an object whose mask is that box; some masks are polygons."""
    x, y, width, height = box
    polygon = [[x, y, x + width, y, x + width, y + height, x, y + height]]
    return dict(bbox=box) if kind == 'bbox' else dict(bbox=box, segmentation=polygon if x < 50 else mask_of(box))


def found(kind, image, category, score, box):
    shape = dict(bbox=box) if kind == 'bbox' else dict(segmentation=mask_of(box))
    return dict(image_id=image, category_id=category, score=score, **shape)


def draw(seed, kind, images, classes, crowded):
    """Objects, crowds, copies of them with equal scores, and detections of what is not there.

    Some images have nothing, classes no object, objects an area that is not theirs, masks no pixel.
    """
    rng = np.random.default_rng(seed)
    ids = (rng.permutation(1000)[:images] + 1).tolist()
    categories = (rng.permutation(3 * classes)[:classes] + 1).tolist()
    objects, detections = [], []
    for image in ids:
        for _ in range(rng.poisson(3)):
            box, category = random_box(rng), int(rng.choice(categories[: 1 + classes // 2]))
            crowd = int(rng.random() < 0.2)
            item = dict(id=len(objects) + (seed > 0), image_id=image, category_id=category, iscrowd=crowd)
            shape = shaped(kind, box)
            if crowd and kind == 'segm':
                shape['segmentation'] = mask_of(box)
            objects.append(item | shape | dict(area=box[2] * box[3] * float(rng.choice([0.01, 1, 1]))))
            for _ in range(rng.poisson(2)):
                moved = np.abs(np.round(np.add(box, rng.normal(0, 2, 4) * (rng.random() < 0.8)), 2)).tolist()
                score = round(float(rng.random()), 1)
                detections.append(found(kind, image, category, score, moved))
        for _ in range(130 if image == ids[0] and crowded else rng.poisson(2)):
            score = float(np.float32(rng.random()))
            detections.append(found(kind, image, int(rng.choice(categories)), score, random_box(rng)))
    listed = [dict(id=image, width=WIDTH, height=HEIGHT, file_name=str(image)) for image in ids]
    names = [dict(id=category, name=str(category)) for category in categories]
    return dict(info={}, images=listed, annotations=objects, categories=names), detections


def evaluated(evaluation, truth, detections, kind, most, thresholds):
    with redirect_stdout(StringIO()):
        coco = COCO()
        coco.dataset = deepcopy(truth)
        coco.createIndex()
        run = evaluation(coco, coco.loadRes(deepcopy(detections)), kind)
        run.params.maxDets, run.params.iouThrs = list(most), np.array(thresholds or run.params.iouThrs)
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


CASES = [  # images, classes, whether the first image is crowded, numbers of detections, thresholds
    (8, 3, True, (1, 10, 100), None),
    (8, 1, True, (1, 2, 100), None),
    (5, 40, False, (100, 300, 1000), [0.5, 0.75]),
    (1, 2, True, (100, 10, 1), [0.0, 0.5, 1.0]),
]


@pytest.mark.parametrize('most', [1 << 20, 50], ids=['at once', 'in small groups'])
@pytest.mark.parametrize('seed', range(len(CASES)))
@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_every_figure_equals_that_of_pycocotools(kind, seed, most, monkeypatch):
    monkeypatch.setattr(coco_matching, '_MOST', most)
    *sizes, counts, thresholds = CASES[seed]
    data = draw(seed, kind, *sizes)
    expected, run = (evaluated(item, *data, kind, counts, thresholds) for item in (COCOeval, ArrayCOCOeval))
    for key in ('precision', 'recall', 'scores'):
        assert np.array_equal(run.eval[key], expected.eval[key]), key
    assert (expected.eval['precision'] > 0).any()
    assert run.eval['counts'] == expected.eval['counts']
    assert run.params.catIds == expected.params.catIds
    assert np.array_equal(run.stats, expected.stats)


def test_a_box_that_is_no_number_matches_as_in_pycocotools():
    truth, detections = draw(5, 'bbox', 3, 2, False)
    for item in detections[::2]:
        item['bbox'] = [float('nan')] * 4
    runs = [evaluated(item, truth, detections, 'bbox', (1, 10, 100), None) for item in (COCOeval, ArrayCOCOeval)]
    assert np.array_equal(runs[0].eval['precision'], runs[1].eval['precision'])
