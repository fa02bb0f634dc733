"""Curves of training runs, and grids of images."""

import json
import os

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest

from mmbackbones.visualization import plots
from mmbackbones.visualization.plots import image_grid, plot_curve

TILE = (20 + 28 + 8, 40 + 8 + 8)  # height and width of an image of 20 x 40 pixels with its title and border


def write_run(folder, records, time=None):
    (folder / 'vis_data').mkdir(parents=True)
    file = folder / 'vis_data/scalars.json'
    file.write_text('\n'.join(map(json.dumps, records)))
    if time:
        os.utime(file, (time, time))


@pytest.fixture
def figures(monkeypatch):
    """The figures that are plotted; each is closed in the end."""
    kept, plot = [], plots._plot
    monkeypatch.setattr(plots, '_plot', lambda *arguments: kept.append(plot(*arguments)) or kept[-1])
    return kept


RECORDS = [
    dict(iter=5, loss=2.0),
    {'coco/bbox_mAP_50': 0.25, 'step': 1},
    dict(iter=10, loss=1.5),
    {'coco/bbox_mAP_50': 0.75, 'step': 2},
]


def test_a_curve_has_the_losses_and_the_metric_of_each_validation(tmp_path, figures):
    write_run(tmp_path / '1', RECORDS)
    plot_curve(tmp_path, 'coco/bbox_mAP_50', tmp_path / 'curve.png')
    (figure,) = figures
    left, right = figure.axes
    (loss,), (score,) = left.lines, right.lines
    assert (loss.get_xdata().tolist(), loss.get_ydata().tolist()) == ([5, 10], [2.0, 1.5])
    assert (score.get_xdata().tolist(), score.get_ydata().tolist()) == ([5, 10], [0.25, 0.75])
    assert (left.get_xlabel(), left.get_ylabel(), right.get_ylabel()) == ('iteration', 'training loss', 'bbox_mAP_50')
    assert left.get_ylim()[0] == 0
    assert right.get_ylim() == (0, 1)
    assert plt.get_fignums() == []


def test_a_curve_is_drawn_in_the_colors_of_its_axes(tmp_path):
    write_run(tmp_path / '1', RECORDS)
    plot_curve(tmp_path, 'coco/bbox_mAP_50', tmp_path / 'curve.png')
    pixels = cv2.imread(str(tmp_path / 'curve.png'))[..., ::-1]
    assert pixels.shape == (480, 840, 3)
    for color in ((0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E)):  # tab:blue and tab:orange
        rows, columns = np.nonzero((pixels == color).all(-1))
        assert len(rows) > 500
        assert np.ptp(columns) > 400
    assert (pixels == 255).all(-1).mean() > 0.8


def test_the_newest_run_is_plotted(tmp_path, figures):
    write_run(tmp_path / 'old', [dict(iter=1, loss=9.0), dict(mIoU=0.1)], time=1000)
    write_run(tmp_path / 'new', [dict(iter=1, loss=1.0), dict(mIoU=0.5)], time=2000)
    plot_curve(tmp_path, 'mIoU', tmp_path / 'curve.png')
    assert figures[0].axes[0].lines[0].get_ydata().tolist() == [1.0]


def test_a_metric_may_have_any_name(tmp_path, figures):
    name = 'coco/bbox_AP_$\\frac$\x1b'
    write_run(tmp_path / '1', [*RECORDS, {name: 0.5}])
    plot_curve(tmp_path, name, tmp_path / 'curve.png')
    assert figures[0].axes[1].get_ylabel() == 'bbox_AP_$\\frac$\\x1b'
    assert cv2.imread(str(tmp_path / 'curve.png')).std() > 0


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
