"""The figures of detectors, computed once more by pycocotools and object by object."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmbackbones.evaluation.diagnosis import diagnose, read_results
from tests.helpers.recomputed import objects, rates
from tests.helpers.result_folders import random_images, write_results

NAMES = ('cat', 'dog', '<script>', 'never there')


@pytest.fixture(scope='module', params=['bbox', 'segm'])
def folder(request, tmp_path_factory):
    images = [([], []), *random_images(30, 3)]
    box = [10, 10, 30, 30]
    images.append(
        ([(0, box, 0)], [(0, np.add(box, 60).tolist(), 0.02 - i / 10000) for i in range(110)] + [(0, box, 0.001)])
    )
    return write_results(tmp_path_factory.mktemp('results'), NAMES, images, request.param, ids=[7, 3, 9, 5])


@pytest.fixture(scope='module')
def diagnosis(folder):
    return diagnose(read_results(folder))


def test_average_precision_equals_that_of_pycocotools(folder, diagnosis):
    truth = COCO(folder / 'ground_truth.json')
    found = json.loads((folder / 'predictions.json').read_text())['annotations']
    evaluation = COCOeval(truth, truth.loadRes(found), diagnosis.task)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    precision = evaluation.eval['precision'][:, :, :, 0, 2]
    for figures, number in zip(diagnosis.classes[:3], [7, 3, 9], strict=True):
        curves = precision[:, :, evaluation.params.catIds.index(number)]
        assert figures.ap == pytest.approx(curves.mean(), abs=1e-12)
        assert (figures.ap50, figures.ap75) == pytest.approx((curves[0].mean(), curves[5].mean()), abs=1e-12)
        np.testing.assert_allclose(figures.interpolated, curves[0])
        assert 0.1 < figures.ap50 < 0.9
    assert np.mean([figures.ap for figures in diagnosis.classes[:3]]) == pytest.approx(evaluation.stats[0])
    np.testing.assert_allclose(diagnosis.interpolated.mean(), evaluation.stats[1])
    nothing = diagnosis.classes[3]
    assert nothing.truths == 0
    assert np.isnan([nothing.ap, nothing.ap50, nothing.recall, nothing.f1, nothing.best]).all()


def test_figures_equal_those_recomputed_from_the_files(folder, diagnosis):
    ap50, confusion = objects(folder)
    for figures in diagnosis.classes[:3]:
        assert figures.ap50 == pytest.approx(ap50[figures.name])
        at_best = rates(confusion(figures.best), figures.name)
        assert (figures.precision, figures.recall, figures.f1) == pytest.approx(at_best)
        assert all(rates(confusion(score), figures.name)[2] <= figures.f1 for score in np.linspace(0, 1, 51))
    best = diagnosis.curve.best
    place = int(np.searchsorted(diagnosis.curve.thresholds, best))
    at_best = diagnosis.curve.precision[place], diagnosis.curve.recall[place], diagnosis.curve.f1[place]
    assert at_best == pytest.approx(rates(confusion(best)))
    counts = confusion(best)
    names = [*NAMES, None]
    expected = [[counts[true, found] for found in names] for true in names]
    assert diagnosis.confusion.tolist() == expected
    assert min(sum(sum(row[:i] + row[i + 1 : 3]) for i, row in enumerate(expected[:3])), *expected[-1][:3]) > 0


def test_images_are_ranked_by_what_is_right_in_them(folder, diagnosis):
    images = {image.image_id: image for image in diagnosis.images}
    assert len(images) == 32
    assert images[1].score == 1  # nothing there, nothing found
    scores = [image.score for image in diagnosis.images]
    assert scores == sorted(scores)
    assert scores[0] < 0.4
    for image in diagnosis.images:
        total = 2 * image.right + image.wrong + image.missed
        assert image.score == (2 * image.right / total if total else 1)
    inner = diagnosis.confusion[:-1]
    assert sum(image.right for image in diagnosis.images) == np.trace(inner)
    assert sum(image.right + image.wrong for image in diagnosis.images) == diagnosis.confusion[:, :-1].sum()
    assert sum(image.right + image.missed for image in diagnosis.images) == inner.sum()


def test_every_object_is_ranked_once(folder, diagnosis):
    truth = json.loads((folder / 'ground_truth.json').read_text())['annotations']
    listed = [error.truth_id for error in diagnosis.label_errors if error.kind != 'missing']
    assert sorted(listed) == [item['id'] for item in truth if not item['iscrowd']]
    suspicions = [error.suspicion for error in diagnosis.label_errors]
    assert suspicions == sorted(suspicions, reverse=True)
    assert 0 <= suspicions[-1] <= suspicions[0] <= 1


@pytest.mark.parametrize('images', [[([], [])], [([(0, [0, 0, 9, 9], 0)], [])], [([], [(0, [0, 0, 9, 9], 0.5)])]])
def test_without_objects_or_without_predictions(images, tmp_path):
    diagnosis = diagnose(read_results(write_results(tmp_path, ['one', 'two'], images)))
    true, found = images[0]
    assert diagnosis.confusion.tolist() == [[0, 0, len(true)], [0, 0, 0], [len(found), 0, 0]]
    assert [error.count for error in diagnosis.errors if error.name == 'missed'] == [len(true)]
    assert [image.score for image in diagnosis.images] == [float(not true and not found)]
    assert diagnosis.classes[0].ap50 == 0 if true else np.isnan(diagnosis.classes[0].ap50)
