"""A training that was killed and resumed ends exactly where an uninterrupted one does."""
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from unreachable import UNREACHABLE

from mmbackbones.engine import train
from mmbackbones.engine.start import check_classes, choose_start
from mmbackbones.errors import UserError
from mmbackbones.weights import load_from_file

ROOT = Path(__file__).parents[2]


def start_training(config, data, work_dir, *more):
    command = [sys.executable, ROOT / 'tools' / 'train.py', config, '--data', data, '--img-scale', '64', '64',
               '--epochs', '3', '--work-dir', work_dir, *more]
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False,
                          env={**os.environ, 'PYTHONPATH': path})


@pytest.fixture(scope='module')
def runs(tiny_config, shapes, tmp_path_factory):
    """Work directories of an uninterrupted training, and of one that was killed and resumed."""
    whole, killed = tmp_path_factory.mktemp('whole'), tmp_path_factory.mktemp('killed')
    done = start_training(tiny_config, shapes, whole)
    assert done.returncode == 0, done.stderr
    killing_config = tmp_path_factory.mktemp('config') / 'tiny.py'
    killing_config.write_text(f'_base_ = {tiny_config!r}\n'
                              "custom_imports = dict(imports=['mmbackbones', 'kill'])\n"
                              "custom_hooks = [dict(type='KillHook')]\n")
    assert start_training(killing_config, shapes, killed).returncode == -signal.SIGKILL
    assert sorted(path.name for path in killed.glob('epoch_*.pth')) == ['epoch_1.pth']
    # A pre-trained file that isn't there must not be asked for.
    resumed = start_training(tiny_config, shapes, killed, '--resume', '--cfg-options', *UNREACHABLE)
    assert resumed.returncode == 0, resumed.stderr
    return whole, killed


def test_final_weights_are_equal(runs):
    whole, killed = (load_from_file(run / 'epoch_3.pth') for run in runs)
    assert whole['state_dict'].keys() == killed['state_dict'].keys()
    different = [key for key, value in whole['state_dict'].items() if not torch.equal(value, killed['state_dict'][key])]
    assert different == []


def test_epoch_rate_and_optimizer_state_are_equal(runs):
    whole, killed = (load_from_file(run / 'epoch_3.pth') for run in runs)
    assert [(run['meta']['epoch'], run['meta']['iter']) for run in (whole, killed)] == [(3, 12), (3, 12)]
    torch.testing.assert_close(killed['optimizer'], whole['optimizer'], rtol=0, atol=0)
    assert killed['param_schedulers'] == whole['param_schedulers']


def test_epochs_differ_in_their_random_draws(runs):
    """Else the equality above would show nothing: the training must depend on the epoch's own draws."""
    first, last = (load_from_file(runs[0] / f'epoch_{n}.pth')['state_dict'] for n in (1, 3))
    assert any(not torch.equal(first[key], last[key]) for key in first)


def config_for_resume(work_dir, classes=('a', 'b')):
    return Config(dict(work_dir=str(work_dir), default_hooks={},
                       model=dict(backbone=dict(init_cfg=dict(type='Pretrained'))),
                       train_dataloader=dict(dataset=dict(metainfo=dict(classes=classes)))))


def save(path, classes=('a', 'b')):
    torch.save(dict(state_dict={'weight': torch.ones(1)}, optimizer=dict(state={}, param_groups=[]),
                    meta=dict(epoch=1, iter=4, dataset_meta=dict(classes=classes))), path)


def test_a_damaged_last_checkpoint_gives_way_to_the_one_before(tmp_path):
    save(tmp_path / 'epoch_1.pth')
    save(tmp_path / 'epoch_2.pth')
    whole = (tmp_path / 'epoch_2.pth').read_bytes()
    (tmp_path / 'epoch_2.pth').write_bytes(whole[:len(whole) // 2])
    (tmp_path / 'last_checkpoint').write_text('/moved/away/epoch_2.pth')
    cfg = config_for_resume(tmp_path)
    choose_start(cfg, None, False, 'auto')
    assert cfg.load_from == str(tmp_path / 'epoch_1.pth')
    assert cfg.resume
    assert cfg.model.backbone.init_cfg is None


def test_nothing_to_resume_starts_at_the_beginning(tmp_path):
    cfg = config_for_resume(tmp_path)
    choose_start(cfg, None, False, 'auto')
    assert not cfg.get('resume')
    assert cfg.model.backbone.init_cfg


def test_resume_comes_before_weights(tmp_path):
    save(tmp_path / 'epoch_1.pth')
    cfg = config_for_resume(tmp_path)
    choose_start(cfg, 'weights_that_are_gone.pth', False, 'auto')
    assert cfg.load_from == str(tmp_path / 'epoch_1.pth')
    assert 'custom_hooks' not in cfg
    assert cfg.default_hooks.rebuild_checkpoint.type == 'RebuildCheckpointHook'


def test_resume_on_other_classes_is_refused(tmp_path):
    save(tmp_path / 'epoch_1.pth')
    cfg = config_for_resume(tmp_path, ('a', 'c'))
    choose_start(cfg, None, False, 'auto')
    with pytest.raises(UserError, match='was trained on the classes a, b, the data has a, c'):
        check_classes(cfg)


def test_resume_from_a_file_that_is_not_there(tmp_path, tiny_config, shapes):
    with pytest.raises(UserError, match='none.pth does not exist'):
        train(tiny_config, data=str(shapes), work_dir=str(tmp_path), resume=str(tmp_path / 'none.pth'))
