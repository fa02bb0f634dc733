"""The figures of segmentors, counted once more pixel by pixel, through the metric that writes the files."""

import json

import numpy as np
import pytest
import torch

from mmbackbones.evaluation.diagnosis import diagnose, read_results
from mmbackbones.evaluation.metrics import ExactIoUMetric
from mmbackbones.evaluation.result_files import ResultFiles
from mmbackbones.evaluation.summary import tidy_metrics, write_metrics
from tests.helpers.recomputed import pixels

NAMES = ('ground', '<b>tree</b>', 'never there')


@pytest.fixture(scope='module')
def tested(tmp_path_factory):
    """A folder of results, and the label maps that they are of."""
    folder = tmp_path_factory.mktemp('results')
    rng = np.random.default_rng(0)
    metric = ExactIoUMetric(classwise=True)
    metric.dataset_meta = dict(classes=NAMES, category_ids=(4, 9, 2))
    metric.files = ResultFiles(folder / 'predictions.json', folder / 'ground_truth.json', dict(checkpoint='a.pth'))
    maps = []
    for number in range(4):
        size = (6 + number, 9)
        truth = rng.choice([0, 1, 255], size, p=[0.5, 0.3, 0.2]) if number else np.full(size, 255)
        found = np.where(rng.random(size) < 0.7, truth % 255, rng.integers(0, 2, size))
        maps.append((truth, found))
        sample = {
            name: dict(data=torch.from_numpy(labels[None]))
            for name, labels in (('gt_sem_seg', truth), ('pred_sem_seg', found))
        }
        metric.process({}, [sample | dict(img_path=f'/photos/{"ab"[number % 2]}/{number}.jpg')])
    write_metrics(tidy_metrics(metric.evaluate(4)), folder / 'metrics.json')
    return folder, maps


def test_confusion_and_ratios(tested):
    folder, maps = tested
    results = read_results(folder)
    diagnosis = diagnose(results)
    counts = pixels(folder)
    assert diagnosis.confusion.tolist() == [[counts[true, found] for found in NAMES] for true in NAMES]
    for label, figures in enumerate(diagnosis.classes):
        right = sum(((truth == label) & (found == label)).sum() for truth, found in maps)
        true = sum((truth == label).sum() for truth, _ in maps)
        predicted = sum(((truth != 255) & (found == label)).sum() for truth, found in maps)
        assert (figures.name, figures.pixels) == (NAMES[label], true)
        if label == 2:
            assert np.isnan([figures.iou, figures.accuracy, figures.precision]).all()
        else:
            assert figures.iou == pytest.approx(right / (true + predicted - right))
            assert (figures.accuracy, figures.precision) == pytest.approx((right / true, right / predicted))
            assert (figures.iou, figures.accuracy) == pytest.approx(
                (results.metrics[f'IoU_{figures.name}'], results.metrics[f'Acc_{figures.name}'])
            )


def test_images(tested):
    folder, maps = tested
    images = {image.image_id: image for image in diagnose(read_results(folder)).images}
    assert images[1].score == 1  # all of it is ignored
    for number, (truth, found) in enumerate(maps, 1):
        valid = truth != 255
        assert images[number].right == (truth == found)[valid].sum()
        assert images[number].wrong == (truth != found)[valid].sum()


def test_the_files(tested):
    folder, maps = tested
    truth, found = (json.loads((folder / f'{name}.json').read_text()) for name in ('ground_truth', 'predictions'))
    assert truth['info'] == dict(task='semantic', classes=list(NAMES), image_folders=['/photos'], checkpoint='a.pth')
    assert truth['categories'] == found['categories']
    assert [image['file_name'] for image in truth['images']] == ['a/0.jpg', 'b/1.jpg', 'a/2.jpg', 'b/3.jpg']
    assert [image.pop('path') for image in truth['images']][1] == '/photos/b/1.jpg'
    assert truth['images'] == found['images']
    assert all(item['image_id'] != 1 for item in truth['annotations'])  # nothing but ignored pixels
    results = read_results(folder)
    part = results.found.of_image(3)
    assert len(part) == len(part.masks) == len(np.unique(maps[3][1]))
    assert results.images[3].path.as_posix() == '/photos/b/3.jpg'
