"""Configs are read with options, and written so that they are read back the same."""

import pytest
from mmengine.config import Config

from mmbackbones import config_path, get_config
from mmbackbones.engine.config import complete_config, dump_config, load_config
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow


def test_missing_or_broken_config(tmp_path):
    with pytest.raises(UserError, match='does not exist'):
        load_config(str(tmp_path / 'none.py'), None, None)
    (tmp_path / 'broken.py').write_text('model = dict(')
    with pytest.raises(UserError, match='cannot be read') as error:
        load_config(str(tmp_path / 'broken.py'), None, None)
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(UserError, match='cannot be read: File name too long'):
        load_config('x' * 300 + '.py', None, None)
    with pytest.raises(UserError, match='is not a file'):
        load_config(str(tmp_path), None, None)


def test_no_workers_no_persistent_workers():
    cfg = load_config(str(config_path('retinanet_van_t')), None, {'val_dataloader.num_workers': 0})
    assert not cfg.val_dataloader.persistent_workers  # PyTorch would refuse it
    assert cfg.test_dataloader.persistent_workers


def test_written_config_is_read_back_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv('SECRET', 'filled in')
    names = ['{{ $SECRET:x }}', '{{ fileDirname }}', '{{{a}}}', "it's", 'back\\slash', '\x1b[31m', 'größe']
    dump_config(Config(dict(classes=names)), tmp_path / 'config.py')
    assert Config.fromfile(tmp_path / 'config.py').classes == names


def test_work_dir_and_imports_of_every_command(tmp_path):
    path = str(config_path('retinanet_van_t'))
    assert load_config(path, None, None).work_dir == 'work_dirs/retinanet_van_t'
    cfg = load_config(path, 'given', {'model.neck': {'num_outs': 5}})
    assert cfg.work_dir == 'given'
    assert cfg.custom_imports.imports[-1] == 'mmbackbones.engine'
    assert load_config(path, 'given', {'work_dir': 'option'}).work_dir == 'option'
    cfg.test_evaluator.ann_file = 'other'
    assert cfg.val_evaluator.ann_file != 'other'


@pytest.mark.parametrize('keep_length', [False, True])
def test_length_may_be_kept_for_the_schedules(keep_length):
    cfg, epochs = get_config('retinanet_van_t'), get_config('retinanet_van_t').train_cfg.max_epochs
    options = {'train_cfg.max_epochs': 99, 'train_cfg.val_interval': 7}
    complete_config(cfg, 'retinanet_van_t', None, options, keep_length)
    assert (cfg.train_cfg.max_epochs, cfg.train_cfg.val_interval) == (epochs if keep_length else 99, 7)
