"""The table of measurements, and the page that is generated from it."""

import csv
import re
from pathlib import Path

import pytest

from mmbackbones.benchmarks.machine import machine
from mmbackbones.benchmarks.page import render_page, write_page
from mmbackbones.benchmarks.table import AUTHORS, AUTHORS_AS_COMMANDS, COLUMNS, OURS, Table, read_rows
from mmbackbones.benchmarks.timing import Timing

ROOT = Path(__file__).parents[2]
MACHINE = dict(
    device='Some CPU, 2 cores', instructions='AVX2', python='3.12', pytorch='2.9', cuda='', cudnn='', date='today'
)


def timing(*milliseconds: float, gigabytes: float = 0.5) -> Timing:
    return Timing(milliseconds, round(gigabytes * 1e9))


def add_backbone(table: Table, task: str = 'inference', **columns) -> None:
    """The four forms of a backbone: twice, four and eight times as fast, with less and less memory."""
    baseline = timing(390, 400, 420, gigabytes=1.0)
    forms = {
        ('float32', AUTHORS): baseline,
        ('float32', AUTHORS_AS_COMMANDS): timing(200),
        ('float32', OURS): timing(100),
        ('bfloat16', OURS): timing(50, gigabytes=0.25),
    }
    kind = dict(network='backbone', backbone='VAN-B2', height=512, width=256, batch=1)
    for (precision, form), taken in forms.items():
        least = 40 if precision == 'float32' else 5
        table.add(taken, baseline, least, task=task, precision=precision, form=form, **{**kind, **columns})


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr('mmbackbones.benchmarks.table.machine', lambda device: MACHINE)
    return Table('cpu', tmp_path / 'docs/benchmarks')


def cells(page: str, start: str) -> list[str]:
    (line,) = (line for line in page.splitlines() if line.startswith(f'| {start} |'))
    return line.strip('| ').split(' | ')


def test_the_committed_page_is_what_the_files_give():
    assert (ROOT / 'docs/benchmarks.md').read_text(encoding='utf-8') == render_page(ROOT / 'docs/benchmarks')


@pytest.mark.parametrize('file', sorted((ROOT / 'docs/benchmarks').glob('*.csv')), ids=lambda file: file.stem)
def test_committed_files_are_named_after_their_device(file):
    devices = {row['device'] for row in read_rows(file)}
    assert {re.sub(r'\W+', '-', device.lower()).strip('-') for device in devices} == {file.stem}


def test_rows_compare_with_the_baseline_and_with_the_peak(table, capsys):
    add_backbone(table)
    rows = list(csv.DictReader(table.path.open()))
    assert table.path.name == 'some-cpu-2-cores.csv'
    assert [row['times_faster'] for row in rows] == ['1.00', '2.00', '4.00', '8.00']
    assert [row['share_of_peak'] for row in rows] == ['0.10', '0.20', '0.40', '0.10']
    assert [row['peak_gb'] for row in rows] == ['1.000', '0.500', '0.500', '0.250']
    assert (rows[0]['p10_ms'], rows[0]['median_ms'], rows[0]['p90_ms']) == ('390.00', '400.00', '420.00')
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[0] == 'network'
    assert len(lines) == 4
    assert len({line.index(' | float32') for line in lines[:3]}) == 1


def test_without_a_baseline_nothing_is_compared(table):
    table.add(timing(100), network='backbone', task='inference', precision='float32', form=OURS)
    table.add(None, network='backbone', task='training', precision='float32', form=OURS)
    first, second = read_rows(table.path)
    assert first['times_faster'] == first['share_of_peak'] == second['median_ms'] == ''


def test_files_with_fewer_columns_are_read(tmp_path):
    (tmp_path / 'old.csv').write_text('network,median_ms\nretinanet,1.0\n')
    (row,) = read_rows(tmp_path / 'old.csv')
    assert set(row) == set(COLUMNS)
    assert (row['network'], row['times_faster']) == ('retinanet', '')


def test_page_of_a_cpu(table):
    for precision, rate in (('float32', 0.3), ('bfloat16', 2.4)):
        product = timing(2 * 4.096**3 / rate)
        table.add(product, None, product.median, network='matrix product', height=4096, precision=precision, form=OURS)
    add_backbone(table)
    add_backbone(table, 'training', batch=2)
    for side, milliseconds in ((512, 100), (1024, 440)):
        kind = dict(network='growing image', backbone='VAN-B9', height=side, width=side, task='inference')
        table.add(timing(milliseconds), precision='float32', form=OURS, **kind)
    kind = dict(network='retinanet_van_s', height=800, width=1333, task='inference', batch=1)
    table.add(timing(7), precision='float32', form=OURS, **kind)
    page = render_page(table.folder)
    assert '300 GFLOP/s in float32 and 2,400 GFLOP/s in bfloat16' in page
    inference, training = page.split('### Backbones: training step')
    compared = ['400 (390-420)', '200 (200-200)', '100 (100-100)', '50.0 (50.0-50.0)', '4.00 / 8.00']
    compared += ['1.00 / 0.50 / 0.25', '10 % / 40 % / 10 %']
    assert cells(inference, 'VAN-B2') == ['VAN-B2', '512 x 256', *compared]
    assert cells(training, 'VAN-B2') == ['VAN-B2', '512 x 256, 2 images', *compared]
    assert cells(page, 'VAN-B9') == ['VAN-B9', 'inference', '381', '420', '+10 %']
    assert cells(page, '`retinanet_van_s`')[2] == '7.00 (7.00-7.00)'
    assert 'PyTorch 2.9, Python 3.12, AVX2; today.' in page


def test_page_and_chart_are_written_in_a_clone(table):
    add_backbone(table)
    docs = table.folder.parent
    write_page(table.folder)
    assert not list(docs.glob('*.md'))  # some other folder
    (docs / 'benchmarks.md').touch()
    (docs / 'images').mkdir()
    write_page(table.folder)
    assert (docs / 'benchmarks.md').read_text() == render_page(table.folder)
    (chart,) = re.findall(r'\]\((images/.+?)\)', render_page(table.folder))
    assert (docs / chart).read_bytes().startswith(b'\x89PNG')


def test_the_machine_is_named_with_its_cores(monkeypatch):
    monkeypatch.setattr('torch.get_num_threads', lambda: 3)
    found = machine('cpu')
    assert found['device'].endswith(', 3 cores')
    assert '(' not in found['device']
