"""The page of ``report``, from files as a test leaves them."""

import json
import re
import shutil

import numpy as np
import pytest

from mmbackbones.apis import report
from mmbackbones.errors import UserError
from mmbackbones.evaluation.results_table import write_results_csv
from tests.helpers.tested_folders import detector_folder, segmentor_folder

pytestmark = pytest.mark.slow

HOSTILE = ('<script>alert(1)</script>', '{{ 7 * 7 }}', '$x$_', '\x1b[31mred', '数据', 'n' * 200)


def figures_in(page):
    content = page.read_text(encoding='utf-8')
    return json.loads(re.search(r'id="figures">(.*?)</script>', content, re.DOTALL)[1])


def text_of(page):
    """What is in the page but its pictures and its figures for programs."""
    content = re.sub(r'(?s)<script type="application/json".*?</script>', '', page.read_text(encoding='utf-8'))
    return re.sub(r'data:image/[^"]*', '', content)


def train_here(folder, epochs=6, rate=1.0):
    """What a training run leaves beside its checkpoints."""
    folder.mkdir(exist_ok=True)
    rows = [
        dict(epoch=float(n), iteration=10.0 * n, seconds=60.0 * n, lr=0.1, images_per_second=5.0, memory_mb=100.0)
        | {'train/loss': 2.0 / n, 'bbox_mAP': rate * (0.5 - 0.4 / n)}
        for n in range(1, epochs + 1)
    ]
    write_results_csv(rows, folder / 'results.csv')
    (folder / 'run.json').write_text(json.dumps(dict(id='abc', seed=7, command='mmbackbones train "<b>"')))
    (folder / 'config.py').write_text('raise SystemExit("run")  # </script><script>alert(2)</script>\n')


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """A work directory with a test in it."""
    folder = tmp_path_factory.mktemp('runs') / '<i>first'
    train_here(folder)
    detector_folder(folder / 'test', classes=HOSTILE)
    return folder


@pytest.fixture(scope='module')
def done(run):
    return report(run)


def test_figures(run, done):
    """The figures for programs are those of the diagnosis, and the tables show them."""
    assert done.file == run / 'report.html'
    diagnosis, (found,) = done.diagnoses[0], figures_in(done.file)['runs']
    assert [entry['name'] for entry in found['diagnosis']['classes']] == list(HOSTILE)
    assert [entry['ap'] for entry in found['diagnosis']['classes']] == [entry.ap for entry in diagnosis.classes]
    assert found['diagnosis']['confusion'] == diagnosis.confusion.tolist()
    assert found['diagnosis']['curve']['best'] == diagnosis.curve.best
    assert len(found['diagnosis']['images']) == 12
    assert found['metrics']['bbox_mAP_50'] == 0.75
    assert len(found['training']) == 6
    text = text_of(done.file)
    for figures in diagnosis.classes:
        assert f'>{figures.ap:.3f}</td>' in text
    for error in diagnosis.errors:
        assert f'>{error.ap50_lost:.3f}</td>' in text
    assert f'--score-thr {diagnosis.curve.best:.3f}' in text


def test_sections(done):
    text = text_of(done.file)
    sections = re.findall(r'<section id="(\w+)"', text)
    assert sections == [
        'summary',
        'curves',
        'classes',
        'thresholds',
        'confusion',
        'errors',
        'images',
        'labels',
        'origin',
    ]
    assert 'What to do first' in text
    weakest = min(done.diagnoses[0].classes, key=lambda figures: figures.ap)
    assert f'The weakest class: {weakest.name[:7]}'.replace('<', '&lt;') in text.replace(r'\x1b', '\x1b')
    assert 'Train for more epochs' in text  # the last validation was the best
    assert '2.4.0' in text  # of PyTorch
    assert 'raise SystemExit' in text  # the config is shown, not run


def test_names_are_escaped(done):
    text = done.file.read_text(encoding='utf-8')
    assert '<script>alert' not in text
    assert '<i>first' not in text
    assert '\x1b' not in text
    assert 'mmbackbones train &#34;&lt;b&gt;&#34;' in text


def test_a_large_test_in_a_browser(browser, tmp_path):
    """A thousand images and eighty classes: nothing is wrong with the page, and it is small."""
    classes = [f'class {number}' for number in range(78)] + ['background', 'class 1 ']
    folder = detector_folder(tmp_path / 'large' / 'test', images=1000, classes=classes)
    train_here(tmp_path / 'large')
    page = report(folder).file
    assert page == folder / 'report.html'
    assert page.stat().st_size < 15e6
    browser.open(page)
    assert browser.broken_images() == []
    assert browser.overflow() == 0
    browser.resize(420)
    assert browser.overflow() == 0
    assert browser.complaints() == []
    assert browser.requests() == []
    assert browser.run('return document.images.length') > 40
    names = "return [...document.querySelectorAll('#class-table tbody tr')].map(row => row.cells[0].innerText)"
    figures = figures_in(page)['runs'][0]['diagnosis']['classes']
    heading = "document.querySelectorAll('#class-table thead button')[arguments[0]].click()"
    by_ap = sorted(figures, key=lambda figures: figures['ap'])
    assert browser.run(names)[0] == by_ap[0]['name']
    browser.run(heading, 2)  # it is sorted by it already
    assert browser.run(names)[0] == by_ap[-1]['name']
    browser.run(heading, 0)
    assert browser.run(names)[:3] == ['background', 'class 0', 'class 1']
    assert browser.run("return document.querySelectorAll('.matrix tbody tr').length") == 81


def test_a_test_of_another_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = detector_folder(tmp_path / 'run' / 'test', images=2)
    train_here(tmp_path / 'run')
    best = tmp_path / 'run' / 'best_epoch_3.pth'
    for name, message in (
        ('best_epoch_3.pth', 'The figures are those of an earlier best_epoch_3.pth: the file is another one now.'),
        ('best_epoch_4.pth', 'The figures are those of best_epoch_3.pth, but the best checkpoint is best_epoch_4.pth.'),
    ):
        best = best.rename(best.with_name(name)) if best.exists() else best
        best.touch()
        text = text_of(report(folder.relative_to(tmp_path)).file)
        assert f'{message} Test it and make the report again: mmbackbones test run/{name}' in text
        assert '<h1>Report on run</h1>' in text


def test_images_that_are_gone(tmp_path):
    folder = detector_folder(tmp_path / 'test')
    shutil.rmtree(tmp_path / 'images')
    content = json.loads((folder / 'ground_truth.json').read_text())
    content['images'][0]['path'] = 'no path \0 at all'
    content['annotations'][0]['bbox'] = [1e100] * 4
    (folder / 'ground_truth.json').write_text(json.dumps(content))
    text = text_of(report(folder).file)
    assert 'they are no longer where they were tested' in text
    assert 'class="enlarge"' not in text


@pytest.mark.parametrize('empty', ['ground_truth.json', 'predictions.json'])
def test_nothing_annotated_or_nothing_found(tmp_path, empty):
    folder = detector_folder(tmp_path / 'test', images=3)
    content = json.loads((folder / empty).read_text())
    (folder / empty).write_text(json.dumps(content | dict(annotations=[])))
    done = report(folder)
    text = text_of(done.file)
    assert 'nan' not in text
    figures = figures_in(done.file)['runs'][0]['diagnosis']
    assert figures['classes'][0]['ap'] == (None if empty == 'ground_truth.json' else 0)
    assert '<section id="images"' in text


def test_several_runs(run, tmp_path):
    other = tmp_path / 'second'
    train_here(other, rate=0.5)
    detector_folder(other / 'test', classes=HOSTILE, seed=1)
    metrics = other / 'test' / 'metrics.json'
    metrics.write_text(metrics.read_text().replace('"bbox_mAP": 0.5', '"bbox_mAP": 0.4'))
    done = report(run, other, out=tmp_path / 'both.html')
    text = text_of(done.file)
    sections = re.findall(r'<section id="(\w+)"', text)
    assert sections == ['summary', 'curves', 'classes', 'thresholds', 'errors', 'images', 'origin']
    assert '>−0.100</td>' in text  # noqa: RUF001, a minus sign
    assert 'same images' not in text
    assert 'class="enlarge"' in text
    first, second = figures_in(done.file)['runs']
    assert (first['name'], second['name']) == ('<i>first', 'second')
    assert second['diagnosis']['curve'] != first['diagnosis']['curve']
    detector_folder(tmp_path / 'third', classes=HOSTILE, images=5)
    text = text_of(report(run, tmp_path / 'third', out=tmp_path / 'both.html').file)
    assert 'Not tested on the same images' in text


def test_boxes_beside_masks(tmp_path):
    """They are compared by boxes; a run of other classes is named."""
    boxes = detector_folder(tmp_path / 'boxes')
    masks = shutil.copytree(boxes, tmp_path / 'masks')
    for name in ('ground_truth', 'predictions'):
        content = json.loads((masks / f'{name}.json').read_text())
        for item in content['annotations']:
            item['segmentation'] = [[0, 0, 2, 0, 2, 2]]  # all masks are equal, the boxes are not
        if name == 'ground_truth':
            content['info']['task'] = 'segm'
        (masks / f'{name}.json').write_text(json.dumps(content))
    done = report(boxes, masks, out=tmp_path / 'both.html')
    assert [figures.ap for figures in done.diagnoses[0].classes] == [
        figures.ap for figures in done.diagnoses[1].classes
    ]
    text = text_of(done.file)
    assert '<b>masks</b>: Its boxes are what is compared here' in text
    assert 'Not of the same classes' not in text
    fewer = detector_folder(tmp_path / 'fewer', classes=('cat', 'dog'))
    text = text_of(report(boxes, fewer, out=tmp_path / 'both.html').file)
    assert 'cannot be compared with its: fewer.' in text


def test_a_segmentor(run, tmp_path):
    folder = segmentor_folder(tmp_path / 'test')
    done = report(folder)
    text = text_of(done.file)
    sections = re.findall(r'<section id="(\w+)"', text)
    assert sections == ['summary', 'curves', 'classes', 'confusion', 'images', 'origin']
    diagnosis = done.diagnoses[0]
    for figures in diagnosis.classes:
        assert f'>{figures.iou:.3f}</td>' in text
    assert np.sum(figures_in(done.file)['runs'][0]['diagnosis']['confusion']) == 6 * 96 * 96
    with pytest.raises(UserError, match='<i>first is a detector and test a segmentor'):
        report(run, folder)


def test_bad_input(tool, run, tmp_path):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'file').touch()
    (tmp_path / 'own.html').write_text('<!doctype html> of the user')
    broken = detector_folder(tmp_path / 'broken')
    (broken / 'predictions.json').write_text('{"annotations": [')
    for arguments, message in (
        ([tmp_path / 'gone'], 'gone does not exist: give the work directory of a training run'),
        ([tmp_path / 'file'], 'file is not a folder'),
        ([tmp_path / 'empty'], 'empty holds neither a training run'),
        ([run, run], 'a folder was given twice'),
        ([run, '--out', tmp_path / 'page.pdf'], '--out writes an HTML file'),
        ([run, '--out', tmp_path / 'file' / 'page.html'], '--out: cannot write to'),
        ([run, '--out', tmp_path / 'own.html'], 'is there already and is no page of mmbackbones'),
        ([broken], 'predictions.json is not as a test writes it'),
    ):
        code, _, err = tool('report', *arguments)
        assert code == 2, err
        assert message in err
        assert 'Traceback' not in err
    assert (tmp_path / 'own.html').read_text() == '<!doctype html> of the user'
    with pytest.raises(UserError, match='no folder was given'):
        report()
