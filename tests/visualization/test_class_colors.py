"""Colors of classes are stable and told apart."""

import numpy as np
import pytest

from mmbackbones.visualization.class_colors import class_color, class_colors


def test_a_color_follows_from_the_index_alone():
    many = class_colors(300)
    assert (class_colors(20) == many[:20]).all()
    assert all(class_color(index) == tuple(many[index]) for index in (0, 1, 63, 64, 299))
    assert len(np.unique(many, axis=0)) == 300


@pytest.mark.parametrize('index', [-1, 10_000, 10**6])
def test_any_index_has_a_color(index):
    color = class_color(index)
    assert len(color) == 3
    assert all(type(value) is int and 0 <= value <= 255 for value in color)


def test_no_color_is_nearly_grey_black_or_white():
    colors = class_colors(1000).astype(int)
    assert (np.ptp(colors, axis=1) > 25).all()
    assert colors.max(axis=1).min() > 70
    assert colors.min(axis=1).max() < 225


def brightness(colors):
    """Sum of red and green as it is without cones for one of them, and blue: a coarse second opinion."""
    return np.stack([0.6 * colors[:, 0] + 0.9 * colors[:, 1], colors[:, 2].astype(float)], axis=1)


def test_the_first_colors_are_told_apart_without_telling_red_from_green():
    seen = brightness(class_colors(12))
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)[~np.eye(12, dtype=bool)]
    assert distances.min() > 12
