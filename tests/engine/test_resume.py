"""Training runs that were killed and resumed: they end exactly where an uninterrupted one does."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmbackbones.apis import train
from mmbackbones.engine.initial_weights import set_initial_weights
from mmbackbones.engine.training import run_training
from mmbackbones.errors import UserError
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import save_checkpoint
from tests.helpers.kill import fork
from tests.helpers.results import steady_rows
from tests.helpers.unreachable import UNREACHABLE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def runs(tiny_config, shapes, tmp_path_factory):
    """Work directories of an uninterrupted run, and of one that was killed, and resumed by the command line."""
    whole, killed = tmp_path_factory.mktemp('whole'), tmp_path_factory.mktemp('killed')
    arguments = dict(data=str(shapes), img_scale=(64, 64), epochs=3)
    train(tiny_config, **arguments, work_dir=str(whole))
    killing_config = tmp_path_factory.mktemp('config') / 'tiny.py'
    killing_config.write_text(
        f'_base_ = {tiny_config!r}\n'
        "custom_imports = dict(imports=['mmbackbones', 'tests.helpers.kill'])\n"
        "custom_hooks = [dict(type='KillHook')]\n"
    )
    assert fork(partial(train, str(killing_config), **arguments, work_dir=str(killed))) == -signal.SIGKILL
    assert sorted(path.name for path in killed.glob('epoch_*.pth')) == ['epoch_1.pth']
    command = [sys.executable, ROOT / 'tools/train.py', tiny_config, '--data', shapes, '--img-scale', 64, 64]
    # A pre-trained file that isn't there must not be asked for.
    command += ['--epochs', 3, '--work-dir', killed, '--resume', '--cfg-options', *UNREACHABLE]
    resumed = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )
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


def test_results_are_equal(runs):
    whole, killed = map(steady_rows, runs)
    assert [row['epoch'] for row in whole] == [2, 3]
    assert killed == whole
    assert (runs[1] / 'curves.png').is_file()


QUIET = {
    'train_cfg.val_interval': 100,
    'default_hooks.logger.interval': 1,
    'train_dataloader.num_workers': 0,
    'default_hooks.checkpoint.max_keep_ckpts': 9,
}


def run(config, data, work_dir, **more):
    """A training run without validation that logs every iteration; `more`: arguments of ``train``."""
    options = {**QUIET, **more.pop('cfg_options', {})}
    return run_training(config, data=str(data), img_scale=(64, 64), work_dir=str(work_dir), cfg_options=options, **more)


def rates(work_dir, run=-1):
    """Learning rate of each iteration of a run in a work directory, counted from 1; the last run by default."""
    logs = sorted(work_dir.glob('*/vis_data/*.json'))
    lines = [json.loads(line) for line in logs[run].read_text().splitlines()]
    return {line['step']: line['lr'] for line in lines if 'lr' in line}


def differing(first, second) -> list[str]:
    """Keys of the weights in which two checkpoints differ by a single bit."""
    first, second = (load_from_file(path)['state_dict'] for path in (first, second))
    assert first.keys() == second.keys()
    return [key for key, value in first.items() if not torch.equal(value, second[key])]


@pytest.fixture(scope='module')
def begun(tiny_config, shapes, tmp_path_factory):
    """Checkpoints that runs of 3 epochs and of 12 iterations leave on their way, of 8 images in batches of 2."""
    epochs, iters = tmp_path_factory.mktemp('epochs'), tmp_path_factory.mktemp('iters')
    run(tiny_config, shapes, epochs, epochs=3)
    run(tiny_config, shapes, iters, iters=12)
    return dict(epochs=epochs / 'epoch_1.pth', iters=iters / 'iter_3.pth')


TABLE = {
    'same': {},
    'longer': dict(longer=True),
    'shorter': dict(shorter=True),
    'other rate': dict(lr=3e-3),
    'other batch': dict(batch_size=4),
    'other accumulation': dict(accumulate=2),
    'other batch and rate': dict(batch_size=1, lr=1e-3),
}


@pytest.mark.parametrize('unit', ['epochs', 'iters'])
@pytest.mark.parametrize('row', TABLE)
def test_rates_after_a_resume_are_those_of_a_fresh_run(row, unit, begun, tiny_config, shapes, tmp_path):
    """Each row of the table in docs/resume.md."""
    change = dict(TABLE[row])
    length = dict(epochs=3, iters=12)[unit]
    length = length * 2 if change.pop('longer', False) else length - 1 if change.pop('shorter', False) else length
    fresh, resumed = tmp_path / 'fresh', tmp_path / 'resumed'
    if row == 'same':
        fresh = begun[unit].parent
    else:
        run(tiny_config, shapes, fresh, **{unit: length}, **change)
    run(tiny_config, shapes, resumed, **{unit: length}, **change, resume=str(begun[unit]))
    batches = 8 // change.get('batch_size', 2) if unit == 'epochs' else 3  # done before
    expected = {step: rate for step, rate in rates(fresh).items() if step > batches}
    assert len(set(rates(fresh).values())) > 2  # else the equality below would show nothing
    assert rates(resumed) == expected


def test_what_the_file_says_of_the_optimizer_gives_way_to_what_is_asked_for(begun, tiny_config, shapes, tmp_path):
    changes = {
        'optim_wrapper.optimizer.weight_decay': 0.3,
        'optim_wrapper.optimizer.betas': (0.5, 0.9),
        'optim_wrapper.paramwise_cfg.norm_decay_mult': 0.0,
    }
    runner = run(tiny_config, shapes, tmp_path, epochs=2, resume=str(begun['epochs']), seed=7, cfg_options=changes)
    groups = runner.optim_wrapper.optimizer.param_groups
    assert {group['betas'] for group in groups} == {(0.5, 0.9)}
    assert {group['weight_decay'] for group in groups} == {0.3, 0.0}
    assert runner.seed == 7
    assert load_from_file(tmp_path / 'epoch_2.pth')['meta']['seed'] == 7


def test_without_a_seed_the_run_keeps_its_own(tiny_config, shapes, tmp_path):
    run(tiny_config, shapes, tmp_path / 'whole', epochs=2, seed=3)
    run(tiny_config, shapes, tmp_path / 'resumed', epochs=2, resume=str(tmp_path / 'whole/epoch_1.pth'))
    assert differing(tmp_path / 'whole/epoch_2.pth', tmp_path / 'resumed/epoch_2.pth') == []


def test_inside_an_accumulation(tiny_config, shapes, tmp_path):
    """3 batches an epoch: the first ends with 1 batch that waits for its step, and the last step is short."""
    more = dict(epochs=3, accumulate=2, cfg_options={'train_dataloader.dataset.indices': 6})
    run(tiny_config, shapes, tmp_path / 'whole', **more)
    for epoch in (1, 2):
        work_dir = tmp_path / f'from_{epoch}'
        run(tiny_config, shapes, work_dir, **more, resume=str(tmp_path / f'whole/epoch_{epoch}.pth'))
        assert differing(tmp_path / 'whole/epoch_3.pth', work_dir / 'epoch_3.pth') == []
    held = load_from_file(tmp_path / 'whole/epoch_1.pth')['accumulated_gradients']
    assert (held['batches'], held['accumulate']) == (1, 2)
    assert any(gradient.abs().max() > 0 for gradient in held['gradients'].values())
    assert 'accumulated_gradients' not in load_from_file(tmp_path / 'whole/epoch_3.pth')
    with pytest.raises(UserError, match='after 1 of 2 batches: it cannot be resumed with --accumulate 1; use --acc'):
        run(tiny_config, shapes, tmp_path / 'other', epochs=3, resume=str(tmp_path / 'whole/epoch_1.pth'))


def changed(path, target, **parts):
    """A copy of a checkpoint with other parts; None takes one out."""
    checkpoint = {**load_from_file(path), **parts}
    torch.save({key: value for key, value in checkpoint.items() if value is not None}, target)
    return str(target)


@pytest.fixture
def unchecked(monkeypatch):
    """Fails where the data would be checked: what is known before has to be said before."""

    def fail(*_, **__):
        raise AssertionError('the data is checked')

    monkeypatch.setattr('mmbackbones.engine.dataset_config.load_detection', fail)


def refused(match, config, data, work_dir, **more):
    with pytest.raises(UserError, match=match) as error:
        run(config, data, work_dir, **more)
    assert len(str(error.value).splitlines()) == 1


def test_plain_weights_are_no_run(begun, tiny_config, shapes, tmp_path, unchecked):
    torch.save(load_from_file(begun['epochs'])['state_dict'], tmp_path / 'weights.pth')
    refused(
        'no training run to resume.* use --weights',
        tiny_config,
        shapes,
        tmp_path / 'run',
        epochs=3,
        resume=str(tmp_path / 'weights.pth'),
    )


def test_another_model_is_named(begun, tiny_config, tiny_mask_config, shapes, tmp_path, unchecked):
    refused(
        r'is of another model: bbox_head\S* is .* written by tiny, and absent in the model of tiny_mask \(MaskRCNN '
        r'with VAN\)|is of another model: rpn_head\S* is absent in the file, .* written by tiny, and .* tiny_mask ',
        tiny_mask_config,
        shapes,
        tmp_path,
        epochs=3,
        resume=str(begun['epochs']),
    )


@pytest.mark.parametrize(
    ('file', 'length', 'message'),
    [
        ('epochs', dict(epochs=1), 'is of a finished run: 1 of 1 epochs are done.* --epochs N'),
        ('iters', dict(epochs=9), 'counted in iterations .*this run is to take 9 epochs'),
        (
            'epochs',
            dict(epochs=3, cfg_options={'optim_wrapper.optimizer.type': 'SGD'}),
            'has the state of AdamW, this run uses SGD',
        ),
        ('nowhere', dict(epochs=3), 'does not exist'),
    ],
)
def test_what_cannot_be_resumed_is_said_before_the_data_is_checked(
    file, length, message, begun, tiny_config, shapes, tmp_path, unchecked
):
    """Each check for itself: resume/test_comparison.py."""
    refused(message, tiny_config, shapes, tmp_path / 'run', resume=str(begun.get(file, 'nowhere.pth')), **length)
    assert not (tmp_path / 'run').exists()


def test_in_the_middle_of_an_epoch(tiny_config, shapes, tmp_path, logged):
    """2 epochs of 4 iterations: the first has still to be ended after 4, and has another length with other batches."""
    options = {'default_hooks.checkpoint.by_epoch': False, 'default_hooks.checkpoint.interval': 1}
    run(tiny_config, shapes, tmp_path / 'whole', epochs=2, cfg_options=options)
    files = {iteration: tmp_path / f'whole/iter_{iteration}.pth' for iteration in (3, 4, 8)}
    run(tiny_config, shapes, tmp_path / 'ended', epochs=2, cfg_options=options, resume=str(files[4]))
    assert differing(files[8], tmp_path / 'ended/iter_8.pth') == []

    compared, changed = (logged(f'mmbackbones.engine.resume.{name}') for name in ('comparison', 'hooks'))
    run(tiny_config, shapes, tmp_path / 'larger', epochs=2, batch_size=4, cfg_options=options, resume=str(files[3]))
    assert compared[0] == f'resuming {files[3]} from iteration 3 of 4 in epoch 1: 1.25 of 2 epochs left'
    assert len(changed) == 1
    assert 'has 2 iterations now, and had 4: epoch 1 goes on after iteration 1 of it instead of 3' in changed[0]
    run(tiny_config, shapes, tmp_path / 'fresh', epochs=2, batch_size=4, cfg_options=options)
    expected = rates(tmp_path / 'fresh')
    assert rates(tmp_path / 'larger') == {step: expected[step] for step in (2, 3, 4)}


def test_the_log_says_what_is_resumed_and_what_changed(begun, tiny_config, shapes, tmp_path, logged):
    messages = logged('mmbackbones.engine.resume.comparison')
    run(tiny_config, shapes, tmp_path, epochs=3, batch_size=4, resume=str(begun['epochs']))
    assert messages[0] == f'resuming {begun["epochs"]} from the end of epoch 1: 2 of 3 epochs left'
    assert 'batch_size 2 -> 4' in messages[1]
    assert 'seed' not in messages[1]


def test_two_runs_at_once(tiny_config, shapes, tmp_path, monkeypatch):
    """Also of one process; see test_work_dir.py for two."""

    def meanwhile(self):
        monkeypatch.undo()
        refused('is in use by another training run', tiny_config, shapes, tmp_path, epochs=1)
        refused('is in use by another training run', tiny_config, shapes, tmp_path, epochs=1, resume='auto')

    monkeypatch.setattr('mmengine.runner.Runner.train', meanwhile)
    run(tiny_config, shapes, tmp_path, epochs=1)
    run(tiny_config, shapes, tmp_path, epochs=1)  # when the first is over


class TestUsedWorkDir:
    """A work directory that an earlier run has left its files in."""

    @pytest.fixture
    def used(self, begun, tmp_path):
        """As `begun` left it: a run with an id."""
        return shutil.copytree(begun['epochs'].parent, tmp_path / 'used')

    def test_a_new_run_says_what_is_there(self, used, tiny_config, shapes, logged):
        messages = logged('mmbackbones.engine.work_dir')
        run(tiny_config, shapes, used, epochs=1)
        assert len(messages) == 1
        names = 'best_coco_bbox_mAP_epoch_3.pth, epoch_1.pth, epoch_2.pth, epoch_3.pth and 1 more'
        assert f'holds files of an earlier run ({names})' in messages[0]
        assert (used / 'epoch_3.pth').is_file()

    def test_the_newest_run_is_resumed_and_no_other(self, used, tiny_config, shapes):
        run(tiny_config, shapes, used, epochs=1)
        (used / 'last_checkpoint').write_text(str(used / 'epoch_3.pth'))
        runner = run(tiny_config, shapes, used, epochs=2, resume='auto')
        assert runner.cfg.load_from == str(used / 'epoch_1.pth')
        (used / 'epoch_1.pth').unlink()
        (used / 'epoch_2.pth').unlink()
        refused(
            'no checkpoint of the run that was started last there; epoch_3.pth is of an earlier run: to resume '
            'that one, use --resume .*epoch_3.pth',
            tiny_config,
            shapes,
            used,
            epochs=9,
            resume='auto',
        )

    @pytest.mark.parametrize('form', ['version 1', 'two ids'])
    def test_checkpoints_of_earlier_versions_are_resumed(self, form, used, begun, tiny_config, shapes):
        """Version 1 had no ids; after it a run had one in ``meta``, as now, and another one in ``record``."""
        if form == 'version 1':
            (used / 'run.json').unlink()
        for path in used.glob('*.pth'):
            content = load_from_file(path)
            if form == 'version 1':
                del content['record']
                for key in ('run_id', 'by_epoch', 'epoch_length', 'settings'):
                    del content['meta'][key]
            else:
                content['record'] = dict(run='c0ffee' * 5, **content['record'])
            torch.save(content, path)
        for name in ('epoch_2.pth', 'epoch_3.pth', 'last_checkpoint'):
            (used / name).unlink()
        before = json.loads((used / 'run.json').read_text()) if form == 'two ids' else None
        runner = run(tiny_config, shapes, used, epochs=3, resume='auto')
        assert runner.cfg.load_from == str(used / 'epoch_1.pth')
        assert differing(begun['epochs'].with_name('epoch_3.pth'), used / 'epoch_3.pth') == []
        after = json.loads((used / 'run.json').read_text())
        assert load_from_file(used / 'epoch_3.pth')['meta']['run_id'] == after['id']
        if before:
            assert after == before | {'resumed': after['resumed']}

    def test_each_checkpoint_is_read_once(self, used, tiny_config, shapes, monkeypatch):
        """The resumed one for all that is done with it, those before it to see whose they are."""
        reads, load = [], torch.load

        def count(file, **more):
            reads.append(Path(file.name).name)
            return load(file, **more)

        monkeypatch.setattr(torch, 'load', count)
        runner = run(tiny_config, shapes, used, epochs=4, resume='auto')
        assert Counter(reads) == {'epoch_1.pth': 1, 'epoch_2.pth': 1, 'epoch_3.pth': 1}
        assert runner.resumed.checkpoint is None  # nor is it kept

    def test_a_damaged_run_file_is_no_reason_to_refuse_a_file(self, used, tiny_config, shapes):
        (used / 'run.json').write_text('[')
        refused('run.json is damaged: .*--resume FILE', tiny_config, shapes, used, epochs=4, resume='auto')
        runner = run(tiny_config, shapes, used, epochs=4, resume=str(used / 'epoch_3.pth'))
        assert runner.cfg.load_from == str(used / 'epoch_3.pth')
        assert json.loads((used / 'run.json').read_text())['id']


def test_checkpoints_in_another_folder_are_found(tiny_config, shapes, tmp_path):
    more = dict(cfg_options={'default_hooks.checkpoint.out_dir': str(tmp_path / 'large_disk')})
    run(tiny_config, shapes, tmp_path / 'run', epochs=1, **more)
    runner = run(tiny_config, shapes, tmp_path / 'run', epochs=2, **more, resume='auto')
    assert runner.cfg.load_from == str(tmp_path / 'large_disk/run/epoch_1.pth')


def test_a_schedulers_own_methods_are_left_out(tiny_config, shapes, tmp_path):
    """With them the run could read none of its own checkpoints."""
    cycle = dict(type='OneCycleLR', eta_max=0.01, total_steps=2)
    more = dict(epochs=2, cfg_options=dict(param_scheduler=[cycle]))
    run(tiny_config, shapes, tmp_path / 'whole', **more)
    run(tiny_config, shapes, tmp_path / 'resumed', **more, resume=str(tmp_path / 'whole/epoch_1.pth'))
    assert differing(tmp_path / 'whole/epoch_2.pth', tmp_path / 'resumed/epoch_2.pth') == []


class TestAveragedWeights:
    """A run with MMEngine's EMAHook, whose checkpoints hold the averages where others hold the weights."""

    EMA = {'custom_hooks': [dict(type='EMAHook', momentum=0.1)]}

    @pytest.fixture(scope='class')
    def averaged(self, tiny_config, shapes, tmp_path_factory):
        work_dir = tmp_path_factory.mktemp('averaged')
        run(tiny_config, shapes, work_dir, epochs=2, cfg_options=self.EMA)
        return work_dir

    def test_averaging_continues(self, averaged, tiny_config, shapes, tmp_path):
        run(tiny_config, shapes, tmp_path, epochs=2, cfg_options=self.EMA, resume=str(averaged / 'epoch_1.pth'))
        assert differing(averaged / 'epoch_2.pth', tmp_path / 'epoch_2.pth') == []

    def test_without_averages_the_trained_weights_are_resumed(self, averaged, tiny_config, shapes, tmp_path):
        run(tiny_config, shapes, tmp_path / 'plain', epochs=2)
        run(tiny_config, shapes, tmp_path / 'resumed', epochs=2, resume=str(averaged / 'epoch_1.pth'))
        assert differing(tmp_path / 'plain/epoch_2.pth', tmp_path / 'resumed/epoch_2.pth') == []
        assert 'ema_state_dict' not in load_from_file(tmp_path / 'resumed/epoch_2.pth')


def config_for_resume(work_dir) -> Config:
    model = dict(backbone=dict(init_cfg=dict(type='Pretrained')))
    return Config(dict(work_dir=str(work_dir), default_hooks={}, model=model))


def test_nothing_to_resume_starts_at_the_beginning(tmp_path):
    cfg = config_for_resume(tmp_path)
    assert set_initial_weights(cfg, None, False, 'auto') is None
    assert not cfg.get('resume')
    assert cfg.model.backbone.init_cfg


def test_resume_takes_precedence_over_weights(tmp_path):
    file = save_checkpoint(tmp_path / 'epoch_1.pth')
    cfg = config_for_resume(tmp_path)
    state = set_initial_weights(cfg, 'weights_that_are_gone.pth', False, 'auto')
    assert (state.path, cfg.load_from, cfg.resume) == (file, file, True)
    assert cfg.model.backbone.init_cfg is None
    assert 'custom_hooks' not in cfg
    assert cfg.default_hooks.rebuild_checkpoint.type == 'RebuildCheckpointHook'


def test_resume_on_other_classes_is_refused(begun, tiny_config, shapes, tmp_path):
    classes = ('circle', 'dot\x1b[2J', 'square', 'star')
    meta = {**load_from_file(begun['epochs'])['meta'], 'dataset_meta': dict(classes=classes)}
    file = changed(begun['epochs'], tmp_path / 'epoch_1.pth', meta=meta)
    with pytest.raises(UserError, match='was trained on the classes circle, dot.x1b.2J, square, star, the data has '):
        run(tiny_config, shapes, tmp_path, epochs=3, resume=file)
