"""Labels stand beside what they name, inside the picture and off each other."""

import numpy as np
import pytest

from mmbackbones.visualization.label_places import LabelPlaces

WIDTH, HEIGHT = 200, 150


def rectangle(place, width=60, height=14):
    left, top = place
    return left, top, left + width, top + height


def overlap(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def inside(rectangle):
    left, top, right, bottom = rectangle
    return 0 <= left < right <= WIDTH and 0 <= top < bottom <= HEIGHT


@pytest.mark.parametrize(
    'box',
    [
        (80, 60, 120, 90),
        (0, 0, 20, 20),  # in each corner
        (180, 0, 200, 20),
        (0, 130, 20, 150),
        (180, 130, 200, 150),
        (0, 40, 200, 110),  # as wide as the picture
        (0, 0, 200, 130),  # and with room below only
        (60, 0, 120, 150),  # as high
        (99, 74, 100, 75),  # a pixel
    ],
)
def test_a_label_does_not_hide_its_object_where_there_is_room(box):
    place = LabelPlaces(np.array([box]), WIDTH, HEIGHT).beside(0, 60, 14)
    assert inside(rectangle(place))
    assert overlap(rectangle(place), box) == 0


def test_a_label_touches_its_object():
    rng = np.random.default_rng(0)
    for _ in range(50):
        box = np.sort(rng.integers(0, 150, (2, 2)), axis=0).ravel() + np.array([0, 0, 1, 1])
        left, top, right, bottom = rectangle(LabelPlaces(box[None], WIDTH, HEIGHT).beside(0, 60, 14))
        assert overlap((left - 1, top - 1, right + 1, bottom + 1), box) > 0


def test_the_label_of_an_object_that_fills_the_picture_is_inside():
    place = LabelPlaces(np.array([[0, 0, WIDTH, HEIGHT]]), WIDTH, HEIGHT).beside(0, 60, 14)
    assert place == (0, 0)


def test_labels_hide_neither_each_other_nor_most_of_the_picture():
    rng = np.random.default_rng(1)
    corners = rng.integers(0, (WIDTH - 30, HEIGHT - 30), (60, 2))
    places = LabelPlaces(np.concatenate([corners, corners + 30], axis=1), WIDTH, HEIGHT)
    found = [rectangle(place, 40, 12) for index in range(60) if (place := places.beside(index, 40, 12))]
    assert 5 < len(found) < 60
    assert all(map(inside, found))
    assert sum(overlap(one, other) for one in found for other in found if one != other) == 0
    assert len(found) * 40 * 12 <= WIDTH * HEIGHT / 2


def test_a_label_does_not_hide_another_object_where_there_is_room():
    boxes = np.array([[80, 60, 120, 90], [85, 46, 115, 59], [121, 60, 180, 75]])
    place = rectangle(LabelPlaces(boxes, WIDTH, HEIGHT).beside(0, 60, 14))
    assert [overlap(place, box) for box in boxes] == [0, 0, 0]


@pytest.mark.parametrize('size', [(WIDTH + 1, 5), (5, HEIGHT + 1), (WIDTH, HEIGHT)])
def test_a_label_that_is_too_large_has_no_place(size):
    places = LabelPlaces(np.array([[10, 10, 20, 20]]), WIDTH, HEIGHT)
    assert places.beside(0, *size) is None
    assert places.at_border(*size, 2) is None
    assert places.around(50, 50, *size) is None


def test_a_legend_goes_where_it_hides_least():
    boxes = np.array([[0, 0, 90, 150], [110, 75, 200, 150]])
    assert LabelPlaces(boxes, WIDTH, HEIGHT).at_border(80, 60, 4) == (WIDTH - 84, 4)
