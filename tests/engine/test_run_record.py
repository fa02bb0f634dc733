"""What ``run.json`` says of a run; its id: test_work_dir.py."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmbackbones.engine.run_record import continued, python_call, run_record
from mmbackbones.engine.work_dir import WorkDir, newest_run
from mmbackbones.utils.command import command_line

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cfg(tmp_path):
    (tmp_path / 'train.json').write_text('{"images": []}')
    dataset = dict(type='CocoDataset', data_root=str(tmp_path), ann_file='train.json')
    return Config(
        dict(
            default_scope='mmdet',
            randomness=dict(seed=7),
            train_dataloader=dict(dataset=dict(type='RepeatDataset', dataset=dataset)),
            val_dataloader=dict(dataset=dict(dataset, ann_file='none.json')),
        )
    )


def test_a_run_is_recorded(cfg, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['/bin/mmbackbones', 'train', 'van'])
    with WorkDir(tmp_path / 'run') as folder:
        run = folder.start_run(None, lambda: run_record(cfg, tmp_path / 'photos', 'unused'))
    record = json.loads((tmp_path / 'run' / 'run.json').read_text())
    assert record['id'] == run == newest_run(tmp_path / 'run')
    assert record['command'] == 'mmbackbones train van'
    assert (record['seed'], record['processes']) == (7, 1)
    assert {'python', 'mmbackbones', 'torch', 'mmengine'} <= set(record['versions'])
    assert record['data']['folder'] == str(tmp_path / 'photos')
    assert record['data']['val'] is None
    # printf '{"images": []}' | sha256sum
    digest = '4c3ebb622647036849c52cc87fdc3b16f4188d526f65b8fca277ba9701ac192b'
    assert record['data']['train'] == dict(annotations=str(tmp_path / 'train.json'), sha256=digest)


@pytest.mark.parametrize(
    ('program', 'command'),
    [
        ('/bin/mmbackbones', "mmbackbones train 'my config'"),
        (str(ROOT / 'mmbackbones' / '__main__.py'), "python -m mmbackbones train 'my config'"),
        (str(ROOT / 'tools' / 'train.py'), f"python {ROOT / 'tools' / 'train.py'} train 'my config'"),
        ('/bin/notebook', None),
        ('', None),
    ],
)
def test_the_command_line(program, command, monkeypatch):
    monkeypatch.setattr(sys, 'argv', [program, 'train', 'my config'])
    assert command_line() == command


def test_label_maps_are_the_same_data_in_any_folder(cfg, tmp_path):
    digests = []
    for folder, size in (('a', 1), ('b', 1), ('c', 2)):
        files = [tmp_path / folder / name for name in ('1.jpg', '1.png')]
        files[0].parent.mkdir()
        for file in files:
            file.write_bytes(b'x' * size)
        (tmp_path / 'train.json').write_text(json.dumps([[str(file) for file in files]]))
        cfg.train_dataloader.dataset.dataset.type = 'PairedSegDataset'
        digests.append(run_record(cfg, None, '')['data']['train']['sha256'])
    assert digests[0] == digests[1] != digests[2]


def test_a_resumed_run_keeps_its_record(cfg, tmp_path, logged):
    messages = logged('mmbackbones.engine.run_record')
    with WorkDir(tmp_path / 'run') as folder:
        run = folder.start_run(None, lambda: run_record(cfg, None, 'first'))
        folder.start_run(run, lambda: run_record(cfg, None, 'second'))
        assert messages == []
        (tmp_path / 'train.json').write_text('{"images": [1]}')
        assert folder.start_run(run, lambda: run_record(cfg, None, 'third')) == run
    record = json.loads((tmp_path / 'run' / 'run.json').read_text())
    assert record['command'] == 'first'
    assert [again['command'] for again in record['resumed']] == ['second', 'third']
    assert len(messages) == 1
    assert messages[0].startswith('the data has changed since this run was started')
    with WorkDir(tmp_path / 'run') as folder:
        assert folder.start_run(None, lambda: run_record(cfg, None, 'new')) != run
    assert 'resumed' not in json.loads((tmp_path / 'run' / 'run.json').read_text())


def test_a_record_of_an_earlier_version_or_of_anybody():
    facts = dict(command='now', data={'train': None, 'val': None}, started='today', versions={})
    assert continued({'id': 'x'}, facts) == facts
    assert continued({'command': 5}, facts) == facts
    again = continued({'command': 'first', 'data': 5, 'resumed': 'x'}, facts)
    assert (again['command'], len(again['resumed'])) == ('first', 1)


def test_a_call_from_python():
    given = dict(data='photos', epochs=3, lr=None, cfg_options={'a.b': 1}, seed=0)
    call = "mmbackbones.train('van', data='photos', epochs=3, cfg_options={'a.b': 1}, seed=0)"
    assert python_call('van', given) == call
    assert python_call(SimpleNamespace(filename='/x/van.py'), {}) == "mmbackbones.train('/x/van.py')"
