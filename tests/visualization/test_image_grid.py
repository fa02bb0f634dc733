"""Grids of images."""

import cv2
import numpy as np
import pytest

from mmbackbones.visualization.image_grid import image_grid

TILE = (20 + 28 + 8, 40 + 8 + 8)  # height and width of an image of 20 x 40 pixels with its title and border


@pytest.fixture
def images(tmp_path):
    """Images of one gray level each: 10, 20, 30..."""

    def write(count, size=(20, 40)):
        paths = [tmp_path / f'{number}.png' for number in range(count)]
        for number, path in enumerate(paths, 1):
            cv2.imwrite(str(path), np.full((*size, 3), 10 * number, np.uint8))
        return paths

    return write


@pytest.mark.parametrize(
    ('count', 'levels'),
    [
        (1, [[10]]),
        (2, [[10, 20]]),
        (3, [[10, 20, 30]]),
        (4, [[10, 20, 30], [40, 255, 255]]),
        (6, [[10, 20, 30], [40, 50, 60]]),
    ],
)
def test_no_image_is_left_out_of_a_grid(count, levels, images, tmp_path):
    image_grid(images(count), tmp_path / 'grid.png', height=20)
    grid = cv2.imread(str(tmp_path / 'grid.png'))
    assert grid.shape == (TILE[0] * len(levels), TILE[1] * len(levels[0]), 3)
    for row, expected in enumerate(levels):
        for column, level in enumerate(expected):
            top, left = TILE[0] * row + 28, TILE[1] * column + 8
            assert (grid[top : top + 20, left : left + 40] == level).all()
            assert (grid[top : top + 20, left - 8 : left] == 255).all()
            title = grid[top - 28 : top, left : left + 40]
            assert (title.min() < 100) == (level != 255)


def test_columns_and_height_of_a_grid(images, tmp_path):
    image_grid(images(5), tmp_path / 'grid.png', columns=2, height=40)
    assert cv2.imread(str(tmp_path / 'grid.png')).shape == (3 * (40 + 36), 2 * (80 + 16), 3)


def test_a_grid_of_no_images(tmp_path):
    with pytest.raises(ValueError, match='at least one image'):
        image_grid([], tmp_path / 'grid.png')
    assert not (tmp_path / 'grid.png').exists()
