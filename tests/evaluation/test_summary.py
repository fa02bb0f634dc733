"""Metrics on the terminal and in metrics.json."""

import json
import re
from math import inf, nan

import numpy as np
import pytest
import torch

from mmbackbones.errors import UserError
from mmbackbones.evaluation.summary import leading_metrics, print_metrics, tidy_metrics, write_metrics


@pytest.mark.parametrize('name', ['[red]', '[/b]', ':smile:', '$x$', 'a\\[b]', 'ünïcode', '[link=x]y[/link]', '100%'])
def test_names_are_printed_as_they_are(capsys, name):
    print_metrics({'bbox_mAP': 0.5, f'bbox_AP_{name}': 0.25, f'mine_{name}': 0.75})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ['│', name, '│', '0.250', '│'] in lines
    assert ['│', f'mine_{name}', '│', '0.750', '│', '│'] in lines


@pytest.mark.parametrize(
    ('name', 'shown'),
    [
        ('\x1b[31mred', '\\x1b[31mred'),
        ('a\rb', 'a\\rb'),
        ('a\nb', 'a\\nb'),
        ('\x9bm', '\\x9bm'),
        ('\ud800', '\\ud800'),
        ('\u202eabc', '\\u202eabc'),
        ('\x00', '\\x00'),
    ],
)
def test_commands_to_the_terminal_are_escaped(capsys, name, shown):
    print_metrics({f'IoU_{name}': 0.5, f'own_{name}': 0.5})
    out = capsys.readouterr().out
    assert f'│ {shown} ' in out
    assert f'│ own_{shown} ' in out
    assert not [char for char in out if not char.isprintable() and char != '\n']


def test_long_names_are_not_cut(capsys):
    print_metrics({f'IoU_{"x" * 200}': 0.5, f'mIoU_{"y" * 200}': 0.5})
    out = capsys.readouterr().out
    assert (out.count('x'), out.count('y')) == (200, 200)
    assert '…' not in out


def test_names_that_look_the_same_are_two_rows_and_two_keys(capsys, tmp_path):
    metrics = {'IoU_\x1b': 0.25, 'IoU_\\x1b': 0.5}
    print_metrics(metrics)
    write_metrics(metrics, tmp_path / 'metrics.json')
    assert capsys.readouterr().out.count('\\x1b') == 2
    assert json.loads((tmp_path / 'metrics.json').read_text()) == metrics


def test_figures_stand_in_the_column_of_their_metric(capsys):
    print_metrics({'bbox_AP_cat': 0.25, 'segm_AP_dog': 0.5, 'segm_AP_cat': 0.75})
    lines = [[cell.strip() for cell in line.split('│')[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert ['cat', '0.250', '0.750'] in lines
    assert ['dog', '', '0.500'] in lines


def test_no_figures_are_no_table(capsys):
    print_metrics({})
    assert capsys.readouterr().out == ''


def test_whatever_a_metric_gives_becomes_json(tmp_path):
    given = {
        'coco/bbox_mAP': np.float32(0.5),
        'nan': nan,
        'inf': inf,
        'tensor': torch.tensor(2),
        'array': np.array([[1, nan]]),
        'text': 'fine',
        'none': None,
        'dict': {1: torch.ones(1)},
    }
    metrics = tidy_metrics(given)
    write_metrics(metrics, tmp_path / 'metrics.json')
    written = json.loads((tmp_path / 'metrics.json').read_text(), parse_constant=pytest.fail)
    assert (
        written
        == metrics
        == {
            'bbox_mAP': 0.5,
            'nan': -1,
            'inf': -1,
            'tensor': 2,
            'array': [[1, -1]],
            'text': 'fine',
            'none': 'None',
            'dict': {'1': [1]},
        }
    )


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / 'metrics.json'
    write_metrics({'mIoU': 0.5}, path)
    monkeypatch.setattr('os.replace', lambda *_: (_ for _ in ()).throw(OSError(28, 'No space left on device')))
    with pytest.raises(UserError, match='cannot write the metrics to .*metrics.json: No space left on device'):
        write_metrics({'mIoU': 0.75}, path)
    assert json.loads(path.read_text()) == {'mIoU': 0.5}
    assert list(tmp_path.iterdir()) == [path]


def test_tidy_metrics_drops_only_the_prefix_of_coco():
    assert tidy_metrics({'coco/bbox_mAP': 1, 'mine/coco/x': 0.25}) == {'bbox_mAP': 1.0, 'mine/coco/x': 0.25}
    assert type(tidy_metrics({'coco/bbox_mAP': 1})['bbox_mAP']) is float


def test_metrics_of_classes_are_a_table_of_their_own(capsys):
    print_metrics({'mIoU': 0.5, 'IoU_road': 0.25, 'Acc_road': -1.0})
    lines = [[cell.strip() for cell in re.split('[│┃]', line)[1:-1]] for line in capsys.readouterr().out.splitlines()]
    assert [cells for cells in lines if cells] == [
        ['metric', 'value', 'meaning'],
        ['mIoU', '0.500', 'intersection over union, mean of the classes'],
        ['class', 'IoU', 'accuracy'],
        ['road', '0.250', '-'],
    ]


def test_the_metrics_that_say_most():
    metrics = {'bbox_mAP_75': 0.1, 'bbox_AP_cat': 0.2, 'bbox_mAP_50': 0.3, 'bbox_mAP_s': -1.0, 'bbox_mAP': 0.4}
    assert leading_metrics(metrics, 'bbox_mAP') == ['bbox_mAP', 'bbox_mAP_50']
    assert leading_metrics({f'mine_{number}': 0.5 for number in range(9)}, None) == [f'mine_{i}' for i in range(4)]
