"""The kinds of errors of TIDE, on pictures with one error each, and their cost counted by hand."""

import numpy as np
import pytest

from mmbackbones.evaluation.diagnosis import diagnose, read_results
from tests.helpers.result_folders import random_images, write_results

BOX, FAR = [10, 10, 40, 40], [60, 60, 20, 20]
SHIFTED = [10, 36, 40, 40]  # IoU 14 / 66 with BOX
CASES = {
    'classification': [(1, BOX, 0.8)],
    'localization': [(0, SHIFTED, 0.8)],
    'both': [(1, SHIFTED, 0.8)],
    'duplicate': [(0, BOX, 0.9), (0, BOX, 0.8)],
    'background': [(0, FAR, 0.8)],
    'missed': [],
}


def errors_of(tmp_path, images, names=('one', 'two')):
    diagnosis = diagnose(read_results(write_results(tmp_path, names, images)))
    return {error.name: error for error in diagnosis.errors}, diagnosis


@pytest.mark.parametrize('name', CASES)
def test_each_kind_by_its_definition(tmp_path, name):
    errors, _ = errors_of(tmp_path, [([(0, BOX, 0)], CASES[name])])
    assert list(errors) == list(CASES)
    # What is meant for an object does not make it missed as well; what is both does (section 2.2).
    also = {'missed': 1} if name in ('both', 'background') else {}
    assert {kind: error.count for kind, error in errors.items() if error.count} == {name: 1, **also}


@pytest.mark.parametrize('name', ['classification', 'localization', 'missed'])
def test_what_stands_alone_costs_everything(tmp_path, name):
    errors, _ = errors_of(tmp_path, [([(0, BOX, 0)], CASES[name])])
    assert errors[name].ap50_lost == pytest.approx(1)
    assert all(error.ap50_lost == 0 for kind, error in errors.items() if kind != name)


@pytest.mark.parametrize(('wrong', 'name'), [([(0, FAR, 0.9)], 'background'), ([(0, SHIFTED, 0.9)], 'localization')])
def test_wrong_before_right_costs_half(tmp_path, wrong, name):
    """The one object is found second: precision 1/2 at every recall."""
    errors, diagnosis = errors_of(tmp_path, [([(0, BOX, 0)], [*wrong, (0, BOX, 0.8)])])
    assert diagnosis.classes[0].ap50 == pytest.approx(0.5)
    assert errors[name].count == 1
    assert errors[name].ap50_lost == pytest.approx(0.5)
    assert errors['missed'].count == 0


def test_of_two_for_one_object_the_lower_score_goes(tmp_path):
    """A mended class makes a duplicate of one that was right; the one with the lower score is suppressed."""
    image = [(0, BOX, 0)], [(1, BOX, 0.9), (0, BOX, 0.8), (0, FAR, 0.85)]
    errors, diagnosis = errors_of(tmp_path, [image])
    assert diagnosis.classes[0].ap50 == pytest.approx(0.5)
    assert errors['classification'].ap50_lost == pytest.approx(0.5)  # now it is the first of its class


def test_missed_objects_no_longer_count(tmp_path):
    """Half of the objects are found, so AP50 is 51 of 101 steps of recall."""
    images = [([(0, BOX, 0)], [(0, BOX, 0.9)]), ([(0, BOX, 0)], [])]
    errors, diagnosis = errors_of(tmp_path, images)
    assert diagnosis.classes[0].ap50 == pytest.approx(51 / 101)
    assert errors['missed'].ap50_lost == pytest.approx(50 / 101)


def test_predictions_in_a_crowd_are_no_errors(tmp_path):
    errors, diagnosis = errors_of(tmp_path, [([(0, BOX, 0), (0, FAR, 1)], [(0, BOX, 0.9), (0, FAR, 0.8)])])
    assert sum(error.count for error in errors.values()) == 0
    assert diagnosis.classes[0].truths == 1
    assert len(diagnosis.label_errors) == 1


def test_every_wrong_prediction_is_of_one_kind(tmp_path):
    errors, diagnosis = errors_of(tmp_path, random_images(40, 3, seed=2), names=('a', 'b', 'c'))
    counts = sum(error.count for error in errors.values()) - errors['missed'].count
    curve = diagnosis.curve
    right = curve.recall[0] * sum(figures.truths for figures in diagnosis.classes)
    assert counts == round(right / curve.precision[0] - right)
    assert all(error.count > 3 for error in errors.values())
    assert all(np.isfinite(error.ap50_lost) and error.ap50_lost > -0.01 for error in errors.values())
