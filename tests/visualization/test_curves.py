"""Curves of training runs: what is drawn, and what it looks like."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest

from mmbackbones.visualization.curves import save_curves, training_curves


def rows(count=3, metric='bbox_mAP', **columns):
    return [
        {
            'epoch': epoch,
            'iteration': 10 * epoch,
            'lr': 0.01 / epoch,
            'train/loss_cls': 1 / epoch,
            'train/loss': 2 / epoch,
            metric: 0.4 - 0.1 * (epoch - 2) ** 2,
            **columns,
        }
        for epoch in range(1, count + 1)
    ]


def lines(panel):
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in panel.lines}


def words(figure):
    return [text.get_text() for text in figure.findobj(plt.Text) if text.get_text()]


def test_the_curves_of_a_run():
    losses, metrics, rates = training_curves({'run': rows(bbox_mAP_50=-1.0, bbox_AP_cat=0.9)}).axes
    assert lines(losses) == {
        'loss': ([1, 2, 3], [2, 1, pytest.approx(2 / 3)]),
        'loss_cls': ([1, 2, 3], [1, 0.5, pytest.approx(1 / 3)]),
    }
    drawn = lines(metrics)  # neither what is not defined nor single classes
    assert drawn.pop('bbox_mAP') == ([1, 2, 3], pytest.approx([0.3, 0.4, 0.3]))
    assert list(drawn.values()) == [([2], [0.4])]  # the mark of the best
    assert 'best bbox_mAP: 0.400 at epoch 2' in words(metrics)
    assert [values for _, values in lines(rates).values()] == [pytest.approx([0.01, 0.005, 0.01 / 3])]
    assert {panel.get_xlabel() for panel in (losses, metrics, rates)} == {'epoch'}
    assert losses.get_ylim()[0] == metrics.get_ylim()[0] == 0
    assert plt.get_fignums() == []


def test_runs_side_by_side():
    shorter = [{key: value for key, value in row.items() if key != 'epoch'} for row in rows(2, 'mIoU')]
    figure = training_curves({'one': rows(), 'two': shorter, 'none': []})
    losses, box, iou, rates = figure.axes
    assert [len(panel.lines) for panel in figure.axes] == [2, 1, 1, 2]
    assert {panel.get_xlabel() for panel in figure.axes} == {'iteration'}  # one run is not counted in epochs
    assert list(losses.lines[1].get_xdata()) == [10, 20]
    assert losses.lines[1].get_color() == rates.lines[1].get_color() == iou.lines[0].get_color()
    assert losses.lines[0].get_color() == box.lines[0].get_color() != iou.lines[0].get_color()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['one', 'two', 'none']


def test_a_spike_does_not_flatten_the_curve():
    losses = training_curves({'': [{**rows(1)[0], 'train/loss': 1e6}, *rows(9)]}).axes[0]
    assert losses.get_yscale() == 'log'


def test_small_parts_of_a_loss_are_no_reason_for_a_logarithmic_axis():
    few = rows(9, **{f'train/loss_{part}': 0.01 for part in 'abc'})
    losses = training_curves({'': few}).axes[0]
    assert (losses.get_yscale(), losses.get_ylim()[0]) == ('linear', 0)
    below = training_curves({'': rows(9, **{'train/loss_a': -0.5})}).axes[0]
    assert below.get_ylim()[0] < -0.5  # no value is out of sight


def test_runs_of_any_name(tmp_path, recwarn):
    names = ['_hidden', '$\\frac$', '{{x}}', '<script>', '\x1b[31m\n', '训练', 'x' * 200, '']
    figure = training_curves(dict.fromkeys(names, rows(1)))
    figure.savefig(tmp_path / 'curves.png')
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown[:4] == names[:4]
    assert shown[4:6] in ([r'\x1b[31m ', '训练'], [r'\x1b[31m ', r'\u8bad\u7ec3'])  # as the fonts of the machine are
    assert shown[6].startswith('xxx')
    assert len(shown[6]) == 40
    assert not recwarn.list


def test_no_rows_yet(tmp_path):
    for runs in ({'': []}, {}, {'a': [], 'b': []}):
        assert words(training_curves(runs)).count('nothing yet') == 3
    save_curves([], tmp_path / 'curves.png')
    assert cv2.imread(str(tmp_path / 'curves.png')).std() > 0


def test_the_picture(tmp_path):
    save_curves(rows(), tmp_path / 'curves.png')
    pixels = cv2.imread(str(tmp_path / 'curves.png'))[..., ::-1]
    assert pixels.shape == (380, 1260, 3)
    assert (pixels == 255).all(-1).mean() > 0.8
    for color, panels in (((0x00, 0x72, 0xB2), {0, 1, 2}), ((0xD5, 0x5E, 0x00), {0})):
        columns = np.nonzero((pixels == color).all(-1))[1]
        assert set(columns // 420) == panels
    assert [path.name for path in tmp_path.iterdir()] == ['curves.png']
