"""The outcome of a check is kept until anything changes that it follows from."""

import json
import os

import pytest

from mmbackbones.datasets import detection, load_detection
from mmbackbones.datasets.checks import check_record
from mmbackbones.datasets.checks.findings import collecting_findings
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import CLASSES, coco_2017

FILE = 'annotations/instances_train2017.json'


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(check_record, 'WORTHWHILE', 0)
    coco_2017(tmp_path / 'user')
    return tmp_path / 'user'


@pytest.fixture
def checks(monkeypatch):
    """Counts the checks that look into files."""
    made, check = [], detection._check_files
    monkeypatch.setattr(detection, '_check_files', lambda *arguments: made.append(1) or check(*arguments))
    return made


def rewrite(path, change):
    """Change a file, but neither its size nor its time of modification."""
    state, content = path.stat(), path.read_text()
    path.write_text(change(content))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert path.stat().st_size == state.st_size


def test_an_unchanged_data_set_is_checked_once(root, out_dir, checks):
    first = load_detection(root, out_dir)
    assert load_detection(root, out_dir.with_name('another')) == first
    assert len(checks) == 1
    assert first.splits['train'].ann_file == root / FILE
    assert first.summary


def test_annotations_count_byte_by_byte(root, out_dir, checks):
    load_detection(root, out_dir)
    rewrite(root / FILE, lambda text: text.replace('"cat"', '"cow"'))
    with pytest.raises(UserError, match="'cow'"):
        load_detection(root, out_dir)
    assert len(checks) == 2


def test_a_changed_or_missing_image_is_looked_at_again(root, out_dir, checks):
    load_detection(root, out_dir)
    image = next((root / 'train2017').iterdir())
    os.utime(image, (1, 1))
    load_detection(root, out_dir)
    assert len(checks) == 2
    image.write_bytes(b'broken')
    with pytest.raises(UserError, match='cannot be read'):
        load_detection(root, out_dir)
    image.unlink()
    with pytest.raises(UserError, match=f'{image.name}.* is missing'):
        load_detection(root, out_dir)


def test_another_question_gets_another_answer(root, out_dir, checks):
    load_detection(root, out_dir)
    assert load_detection(root, out_dir, classes=[*CLASSES, 'cow']).classes == (*CLASSES, 'cow')
    assert list(load_detection(root, out_dir, splits=['val']).splits) == ['val']
    load_detection(root, out_dir, filter_cfg=dict(filter_empty_gt=True, min_size=32))
    assert len(checks) == 4


def test_other_code_checks_again(root, out_dir, checks, monkeypatch):
    load_detection(root, out_dir)
    monkeypatch.setattr(check_record, '_digest_of_code', lambda: 'other')
    load_detection(root, out_dir)
    assert len(checks) == 2


@pytest.mark.parametrize('content', ['{', '[]', '{"outcome": 1}', None])
def test_a_damaged_record_is_no_answer(content, root, out_dir, checks, cache_home):
    load_detection(root, out_dir)
    (file,) = (cache_home / 'mmbackbones').glob('checks-*.json')
    record = json.loads(file.read_text())
    record['outcome']['splits']['train'] = dict(images=4)
    file.write_text(content or json.dumps(record))
    assert load_detection(root, out_dir).splits['train'].boxes == 4
    assert len(checks) == 2


def test_what_is_written_anew_is_checked_anew(root, out_dir, checks):
    content = json.loads((root / FILE).read_text())
    del content['annotations'][0]['area']
    (root / FILE).write_text(json.dumps(content))
    for _ in range(2):
        assert load_detection(root, out_dir).splits['train'].ann_file == out_dir / 'train.json'
        (out_dir / 'train.json').unlink()
    assert len(checks) == 2


def test_findings_and_small_files_are_not_kept(root, out_dir, cache_home, monkeypatch):
    with collecting_findings():
        load_detection(root, out_dir)
    monkeypatch.undo()
    monkeypatch.setenv('XDG_CACHE_HOME', str(cache_home))
    load_detection(root, out_dir)
    assert not list((cache_home / 'mmbackbones').glob('checks-*.json'))
