"""The ranking of likely label errors, for predictions as a good model makes them."""

import numpy as np
import pytest

from mmbackbones.evaluation.diagnosis import diagnose, read_results
from tests.helpers.result_folders import write_results

NAMES = ('circle', 'square', 'star')
BOX, FAR, NEAR = [10, 10, 30, 30], [60, 60, 30, 30], [10, 28, 30, 30]


def listed(tmp_path, *images):
    """The list for these images, among many in which all is well."""
    fine = [([(label, BOX, 0)], [(label, BOX, 0.9)]) for label in range(3)] * 20
    return diagnose(read_results(write_results(tmp_path, NAMES, [*images, *fine]))).label_errors


@pytest.mark.parametrize(
    ('truth', 'found', 'expected'),
    [
        ([(0, BOX, 0)], [(1, BOX, 0.9)], ('class', 0, 1)),
        ([], [(2, FAR, 0.9)], ('missing', None, 2)),
        ([(0, BOX, 0)], [], ('spurious', 0, None)),
        ([(0, BOX, 0)], [(0, NEAR, 0.9)], ('place', 0, 0)),
    ],
)
def test_each_kind(tmp_path, truth, found, expected):
    first, second, *_ = listed(tmp_path, (truth, found))
    assert (first.image_id, first.kind, first.label, first.predicted) == (1, *expected)
    assert first.box == tuple(found[0][1] if first.kind == 'missing' else BOX)
    assert first.suspicion > 3 * second.suspicion
    assert second.image_id != 1


def test_a_neighbor_that_was_found_says_nothing(tmp_path):
    """Two objects in one place: each is found, and neither contradicts the other."""
    image = [(0, BOX, 0), (1, BOX, 0)], [(0, BOX, 0.9), (1, BOX, 0.9)]
    assert max(error.suspicion for error in listed(tmp_path, image) if error.image_id == 1) < 0.1


def test_one_object_may_be_missing_once(tmp_path):
    image = [], [(0, FAR, 0.95), (1, FAR, 0.9), (0, [60, 61, 30, 30], 0.92)]
    assert [(error.kind, error.predicted) for error in listed(tmp_path, image) if error.image_id == 1] == [
        ('missing', 0)
    ]


def test_swapped_labels_stand_first(tmp_path):
    """Of a model that finds 95 % and takes 3 % for another class, at scores that overlap."""
    rng = np.random.default_rng(0)
    images, swapped = [], set()
    for image in range(1, 501):
        label = int(rng.integers(3))
        says = label if rng.random() > 0.03 else (label + 1) % 3
        found = [(says, np.add(BOX, rng.normal(0, 1, 4)).tolist(), rng.beta(6, 2))] if rng.random() < 0.95 else []
        found += [(int(rng.integers(3)), BOX, rng.beta(1, 8)), (int(rng.integers(3)), FAR, rng.beta(1, 4))]
        if image % 50 == 0:
            swapped.add(image)
            label = (label + 1) % 3
        images.append(([(label, BOX, 0)], found))
    errors = diagnose(read_results(write_results(tmp_path, NAMES, images))).label_errors
    places = [place for place, error in enumerate(errors) if error.truth_id and error.image_id in swapped]
    assert len(places) == len(swapped) == 10
    assert sum(place < 0.05 * len(errors) for place in places) >= 9
