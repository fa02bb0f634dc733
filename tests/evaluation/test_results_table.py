"""``results.csv``: written and read back, refused where it is no such table."""

import csv

import pytest

from mmbackbones.errors import UserError
from mmbackbones.evaluation.results_table import read_results_csv, write_results_csv
from mmbackbones.evaluation.summary import _BY_CLASS
from mmbackbones.utils.result_columns import FIXED, OF_CLASSES, losses_of, metrics_of

NAMES = ['bbox_AP_a,b', 'bbox_AP_"q"', 'bbox_AP_=1+1', 'bbox_AP_眼镜', 'bbox_AP_' + 'x' * 200, 'bbox_AP_<script>{{x}}']
FIRST = {'epoch': 1, 'iteration': 5, 'seconds': 2.5, 'lr': 1e-05, 'images_per_second': 7.25, 'memory_mb': 900}
ROWS = [
    {**FIRST, 'train/loss_cls': 0.5, 'train/loss': 1.5, 'train/acc': 50, 'bbox_mAP': 0.125, 'bbox_AP_cat': -1},
    {**FIRST, 'epoch': 2, 'iteration': 10, 'train/loss': float('nan'), 'bbox_mAP': 1 / 3},
]


def test_rows_are_read_as_they_were_written(tmp_path):
    write_results_csv(ROWS, tmp_path / 'results.csv')
    first, second = read_results_csv(tmp_path / 'results.csv')
    assert first == ROWS[0]
    assert second == {**FIRST, 'epoch': 2, 'iteration': 10, 'bbox_mAP': 0.3333333}  # no cell for what is missing
    with (tmp_path / 'results.csv').open() as file:
        header, *cells = csv.reader(file)
    assert header == [*FIXED, 'train/loss_cls', 'train/loss', 'train/acc', 'bbox_mAP', 'bbox_AP_cat']
    assert cells[0][:3] == ['1', '5', '2.5']
    assert [path.name for path in tmp_path.iterdir()] == ['results.csv']


def test_a_table_without_rows(tmp_path):
    write_results_csv([], tmp_path / 'results.csv')
    assert read_results_csv(tmp_path / 'results.csv') == []


@pytest.mark.parametrize('name', NAMES)
def test_names_of_classes(tmp_path, name):
    write_results_csv([{**FIRST, name: 0.5}], tmp_path / 'results.csv')
    assert read_results_csv(tmp_path / 'results.csv') == [{**FIRST, name: 0.5}]


def test_what_is_not_printable_is_escaped(tmp_path):
    write_results_csv([{**FIRST, 'IoU_a\n\x1b[31m\ud800': 0.5}], tmp_path / 'results.csv')
    assert len((tmp_path / 'results.csv').read_text().splitlines()) == 2
    assert read_results_csv(tmp_path / 'results.csv') == [{**FIRST, 'IoU_a\\n\\x1b[31m\\ud800': 0.5}]


def test_kinds_of_columns():
    rows = [{**FIRST, 'train/loss_cls': 1, 'train/acc': 1, 'train/loss': 1, 'mIoU': 1, 'IoU_a loss': 1, 'm_loss': 1}]
    assert losses_of(rows) == ['train/loss', 'train/loss_cls']
    assert metrics_of(rows) == ['mIoU', 'm_loss']
    assert metrics_of(rows, of_classes=True) == ['IoU_a loss']
    assert tuple(_BY_CLASS) == OF_CLASSES


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (b'', 'its first line does not name the columns'),
        (b'a,b\n1,2\n', 'its first line does not name the columns'),
        (b'epoch,iteration,iteration\n1,2,3\n', 'its first line does not name the columns'),
        (b'epoch,iteration\n1,2\n1\n', 'row 3 has 1 cells, and there are 2 columns'),
        (b'epoch,iteration\n1,\x1bx\n', 'row 2 holds something that is not a number'),
        (b'\xff\xfe', "'utf-8' codec can't decode"),
        (b'epoch,iteration\n"' + b'9' * 200_000, 'field larger than field limit'),
        (b'PK\x03\x04\x00\x00', ''),
    ],
)
def test_what_is_no_such_table(tmp_path, content, reason):
    (tmp_path / 'results.csv').write_bytes(content)
    with pytest.raises(UserError, match=f'results.csv is not a table of results: .*{reason}') as error:
        read_results_csv(tmp_path / 'results.csv')
    assert str(error.value).isprintable()


def test_no_file(tmp_path):
    with pytest.raises(UserError, match='cannot read .*results.csv: No such file or directory'):
        read_results_csv(tmp_path / 'results.csv')
