"""``results.csv`` and ``curves.png`` of training runs; rows of runs that are killed: checkpoints/test_hook.py."""

import errno
import json
from importlib.util import find_spec
from types import SimpleNamespace

import cv2
import pytest
import torch
from mmengine.config import Config

from mmbackbones.apis import train
from mmbackbones.engine.results_hook import ResultsHook, record_results
from mmbackbones.engine.training_figures import TrainingFigures, from_checkpoint, to_checkpoint
from mmbackbones.errors import RunFailed
from mmbackbones.evaluation.results_table import read_results_csv, write_results_csv
from mmbackbones.visualization.curves import save_curves
from mmbackbones.weights import load_from_file
from tests.helpers.results import steady_rows

OPTIONS = {
    'train_dataloader.num_workers': 0,
    'train_cfg.val_interval': 1,
    'default_hooks.logger.interval': 1,
    'log_processor.window_size': 1,
    'val_evaluator.classwise': True,
}

ROWS = [dict(iteration=1.0, seconds=2.0, mIoU=0.5), dict(iteration=2.0, seconds=3.0)]
SOUND = to_checkpoint(ROWS, TrainingFigures(sums={'loss': (1.0, 2)}, images=3.0))


@pytest.fixture(scope='module', autouse=True)
def curves():
    """Curves are drawn here; other tests leave them out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmbackbones.engine.results_hook.save_curves', save_curves)
        yield


@pytest.fixture(scope='module')
def start(tiny_config, shapes, tmp_path_factory):
    """Trains for two epochs of two iterations, with two validations."""
    flat = tmp_path_factory.mktemp('config') / 'tiny.py'
    Config.fromfile(tiny_config).dump(flat)  # quicker to read

    def run(work_dir, **more):
        options = {**OPTIONS, **more.pop('cfg_options', {})}
        arguments = dict(data=shapes, img_scale=(64, 64), batch_size=4, cfg_options=options)
        length = {} if 'iters' in more else dict(epochs=2)
        return train(str(flat), work_dir=work_dir, **{**arguments, **length, **more})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'pretty_text', '')  # takes a second, for each checkpoint
        patch.setattr('mmengine.runner.runner.collect_env', dict)
        yield run


@pytest.fixture(scope='module')
def finished(start, tmp_path_factory):
    return start(tmp_path_factory.mktemp('run'), log='tensorboard' if find_spec('tensorboard') else None)


@pytest.mark.slow
def test_a_row_has_what_was_measured(finished):
    rows = read_results_csv(finished.work_dir / 'results.csv')
    (log,) = finished.work_dir.glob('*/vis_data/scalars.json')
    records = [json.loads(line) for line in log.read_text().splitlines()]
    iterations, validations = [[record for record in records if ('loss' in record) == it] for it in (True, False)]
    assert [(row['epoch'], row['iteration']) for row in rows] == [(1, 2), (2, 4)]
    for number, row in enumerate(rows):
        done = iterations[2 * number : 2 * number + 2]
        assert len(done) == 2
        for name in ('loss', 'loss_cls', 'loss_bbox'):
            assert row[f'train/{name}'] == pytest.approx(sum(record[name] for record in done) / 2, rel=1e-6)
        assert row['lr'] == pytest.approx(done[-1]['lr'], rel=1e-6)
        found = {key.removeprefix('coco/'): value for key, value in validations[number].items()}
        metrics = {name: value for name, value in row.items() if name.startswith('bbox_')}
        assert {'bbox_mAP', 'bbox_mAP_50', 'bbox_AP_circle'} <= set(metrics)
        assert metrics == {name: pytest.approx(found[name]) for name in metrics}
        assert row['memory_mb'] > 50
        assert 0.1 < row['images_per_second'] < 10_000
    assert 0 < rows[0]['seconds'] < rows[1]['seconds']
    best = {name: rows[1][name] for name in ('bbox_mAP', 'bbox_mAP_50')}
    hook_metrics = load_from_file(finished.checkpoint)['record']['metrics'][2]
    assert best == {name: pytest.approx(hook_metrics[name], rel=1e-6) for name in best}
    assert cv2.imread(str(finished.work_dir / 'curves.png')).shape == (380, 1260, 3)
    assert not list(finished.work_dir.glob('*.partial'))


@pytest.mark.slow
def test_tensorboard_has_what_was_measured(finished):
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = json.loads((finished.work_dir / 'run.json').read_text())['id']
    events = EventAccumulator(str(finished.work_dir / 'tensorboard' / run)).Reload()
    scalars = {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()['scalars']}
    assert [step for step, _ in scalars['loss']] == [1, 2, 3, 4]
    rows = read_results_csv(finished.work_dir / 'results.csv')
    for name in ('bbox_mAP', 'bbox_AP_circle'):
        assert scalars[name] == [(row['iteration'], pytest.approx(row[name])) for row in rows]
    assert 'TensorboardLog' not in finished.config.read_text()


@pytest.mark.slow
def test_a_used_work_dir(start, finished, tmp_path, monkeypatch):
    """A run that fails before its first validation leaves no results of an earlier one; a resumed one restores them."""
    for name in ('results.csv', 'curves.png'):
        (tmp_path / name).write_text('of an earlier run')
    with pytest.raises(RunFailed, match='no longer finite'):
        start(tmp_path, lr=1e30)
    assert not list(tmp_path.glob('results.csv')) + list(tmp_path.glob('curves.png'))
    rows = read_results_csv(finished.work_dir / 'results.csv')
    write_results_csv([{**rows[0], 'iteration': 1}, *rows, {**rows[0], 'iteration': 9}], tmp_path / 'results.csv')
    start(tmp_path, resume=finished.work_dir / 'epoch_1.pth')
    assert read_results_csv(tmp_path / 'results.csv')[0] == rows[0]
    assert steady_rows(tmp_path) == steady_rows(finished.work_dir)
    assert cv2.imread(str(tmp_path / 'curves.png')).shape == (380, 1260, 3)


@pytest.mark.slow
def test_iterations_without_a_validation_have_a_row_at_the_end(start, tmp_path):
    start(tmp_path, iters=3, cfg_options={'train_cfg.val_begin': 9})
    (row,) = read_results_csv(tmp_path / 'results.csv')
    assert (row['iteration'], 'epoch' in row, 'bbox_mAP' in row) == (3, False, False)
    assert row['train/loss'] > 0


@pytest.mark.slow
def test_a_full_disk_ends_the_run(start, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('mmbackbones.engine.results_hook.write_results_csv', full)
    with pytest.raises(RunFailed, match='No space left on device; .*epoch_1.pth is kept'):
        start(tmp_path, epochs=1)
    assert (tmp_path / 'epoch_1.pth').is_file()


def runner_in(folder, iteration=2):
    cfg = Config(dict(train_cfg=dict(max_epochs=1)))
    return SimpleNamespace(iter=iteration, epoch=1, work_dir=folder, cfg=cfg, _resume=True)


def test_rows_after_the_resumed_position_are_dropped(tmp_path, monkeypatch):
    """Also where the folder of the resumed run has them; what is up to date is not written anew."""
    drawn = []
    monkeypatch.setattr('mmbackbones.engine.results_hook.save_curves', lambda rows, path: drawn.append(len(rows)))
    write_results_csv(ROWS, tmp_path / 'results.csv')
    for iteration in (2, 1, 1, 0):
        hook = ResultsHook()
        hook.after_load_checkpoint(runner_in(tmp_path), dict(results=SOUND))
        hook.before_train(runner_in(tmp_path, iteration))
        if iteration:
            assert read_results_csv(tmp_path / 'results.csv') == ROWS[:iteration]
    assert drawn == [1]
    assert not (tmp_path / 'results.csv').exists()


def test_a_file_that_is_open_elsewhere_ends_no_run(tmp_path, monkeypatch, logged):
    def locked(*_):
        raise PermissionError(errno.EACCES, 'Permission denied')

    messages, hook, runner = logged('mmbackbones.engine.results_hook'), ResultsHook(), runner_in(tmp_path)
    monkeypatch.setattr('mmbackbones.engine.results_hook.save_curves', lambda *_: None)
    with monkeypatch.context() as patch:
        patch.setattr('mmbackbones.engine.results_hook.write_results_csv', locked)
        hook.after_val_epoch(runner, dict(mIoU=0.5))
    assert [message.partition(';')[0] for message in messages] == [
        f'cannot write {tmp_path / "results.csv"}: Permission denied'
    ]
    runner.iter = 4
    hook.after_val_epoch(runner, dict(mIoU=0.6))
    assert [row['mIoU'] for row in read_results_csv(tmp_path / 'results.csv')] == [0.5, 0.6]


def test_one_hook_in_configs_of_earlier_runs():
    cfg = Config(dict(custom_hooks=[dict(type='ResultsHook'), dict(type='EMAHook')]))
    record_results(cfg)
    assert cfg.custom_hooks == [dict(type='EMAHook'), dict(type='ResultsHook')]


def test_other_processes_write_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr('mmbackbones.engine.results_hook.is_main_process', lambda: False)
    runner, hook = runner_in(tmp_path), ResultsHook()
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    hook.after_train_iter(runner, 0, outputs=dict(loss=1.0))
    hook.after_val_epoch(runner, dict(mIoU=0.5))
    hook.after_train(runner)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_carries_rows_and_sums():
    figures = TrainingFigures(seconds=7.0)
    figures.add(dict(loss=torch.tensor(2.0), acc=float('nan')), images=4, working=0.5, lr=0.1)
    figures.add(dict(loss=1.0, loss_of_density=-3.0), images=2, working=0.25, lr=0.2)
    rows, restored = from_checkpoint(to_checkpoint(ROWS, figures))
    assert rows == ROWS
    assert restored == figures
    row = restored.take()
    assert (row['train/loss'], row['lr'], row['images_per_second'], row['seconds']) == (1.5, 0.2, 8, 7)
    assert 'train/acc' not in row
    assert restored.images == 0


@pytest.mark.parametrize(
    ('part', 'value'),
    [
        ('rows', torch.zeros(2, 3)),
        ('rows', [[1.0]]),
        ('columns', ['iteration', 5]),
        ('columns', None),
        ('sums', {'loss': [1.0, 0]}),
        ('sums', {'loss': [1.0]}),
        ('sums', {5: [1.0, 1]}),
        ('sums', [1]),
        ('images', 'many'),
        ('images', float('inf')),
        ('seconds', -1.0),
    ],
)
def test_what_no_run_writes_is_left_out(part, value):
    rows, figures = from_checkpoint({**SOUND, part: value})
    assert rows == ([] if part in ('rows', 'columns') else ROWS)
    assert (figures.sums == {}) == (part == 'sums')
    assert (figures.images == 0) == (part == 'images')
    assert figures.seconds == 0


@pytest.mark.parametrize('given', [None, 5, [], {}, 'text'])
def test_a_checkpoint_without_results(given):
    rows, figures = from_checkpoint(given)
    assert rows == []
    assert figures.images == 0
