"""``--log``: what each log holds afterwards; a whole run with one: test_results_hook.py."""

import sys

import pytest
from mmengine.config import Config
from mmengine.registry import VISBACKENDS

from mmbackbones.apis import train
from mmbackbones.engine.run_log import LOGS, check_log, ending_logs, log_run, without_logs
from mmbackbones.errors import UserError
from tests.helpers.wandb_file import logged_history

HOSTILE = "bbox_AP_<script>{{x}}/../$'猫\n"
BATCHES = {'loss': 2.0, 'lr': 0.1, 'time': 0.5, 'iter': 3, 'epoch': 1}
VALIDATION = {f'coco/{HOSTILE}': 0.25, 'coco/bbox_mAP': -1.0, 'time': 9.0, 'data_time': 9.0}


def config(folder) -> Config:
    return Config(
        dict(
            work_dir=str(folder),
            visualizer=dict(vis_backends=[dict(type='LocalVisBackend')]),
            default_hooks=dict(logger=dict(type='LoggerHook')),
            train_cfg=dict(max_epochs=2),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        )
    )


def open_log(log, folder, iteration=0):
    """The back end that a training run would have."""
    cfg = config(folder)
    log_run(cfg, log, 'run5', iteration)
    backend = VISBACKENDS.build(cfg.visualizer.vis_backends[-1])
    backend.add_config(cfg)
    return backend


def log_twice(log, folder):
    """Logs a run that is interrupted after iteration 4 and resumed from iteration 3."""
    first = open_log(log, folder)
    first.add_scalars(BATCHES, step=3)
    first.add_scalars(VALIDATION, step=3)
    first.add_scalars({**BATCHES, 'loss': 7.0}, step=4)
    first.close()
    second = open_log(log, folder, iteration=3)
    second.add_scalars({**BATCHES, 'loss': 1.0}, step=4)
    second.close()
    assert not first.failed
    assert not second.failed


@ending_logs()
def log_and_stop(log, folder):
    open_log(log, folder)
    raise KeyboardInterrupt


def stop(log, folder):
    """Stops a run, as Ctrl-C does in a notebook, whose process goes on."""
    with pytest.raises(KeyboardInterrupt):
        log_and_stop(log, folder)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """As where nobody has set anything."""
    for name in ('WANDB_API_KEY', 'WANDB_MODE', 'WANDB_PROJECT', 'MLFLOW_TRACKING_URI', 'MLFLOW_EXPERIMENT_NAME'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('NETRC', '/nowhere')


def test_tensorboard(tmp_path):
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log_twice('tensorboard', tmp_path)
    events = EventAccumulator(str(tmp_path / 'tensorboard' / 'run5')).Reload()
    found = {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()['scalars']}
    assert found['loss'] == [(3, 2.0), (4, 1.0)]  # what came after the checkpoint is hidden
    assert found['bbox_mAP'] == [(3, -1.0)]
    assert found['time'] == [(3, 0.5), (4, 0.5)]
    assert [values for tag, values in found.items() if tag.startswith('bbox_AP_')] == [[(3, 0.25)]]


@pytest.mark.slow
def test_wandb_where_nobody_is_logged_in(tmp_path, logged):
    wandb = pytest.importorskip('wandb')
    messages = logged('mmbackbones.engine.run_log')
    log_twice('wandb', tmp_path)
    stop('wandb', tmp_path / 'other')
    assert wandb.run is None
    assert 'nobody is logged in here, so the run is logged to files' in messages[0]
    first, second = sorted(tmp_path.glob('wandb/offline-run-*-run5/run-run5.wandb'))
    assert logged_history(first) == [
        {'loss': 2.0, 'lr': 0.1, 'time': 0.5, 'epoch': 1, 'iteration': 3},
        {HOSTILE: 0.25, 'bbox_mAP': -1.0, 'iteration': 3},
        {'loss': 7.0, 'lr': 0.1, 'time': 0.5, 'epoch': 1, 'iteration': 4},
    ]
    assert [entry['loss'] for entry in logged_history(second)] == [1.0]


@pytest.mark.slow
def test_mlflow_without_a_server(tmp_path):
    mlflow = pytest.importorskip('mlflow')
    folder = tmp_path / 'a b%20#'
    folder.mkdir()
    (folder / 'results.csv').write_text('epoch,iteration\n')
    log_twice('mlflow', folder)
    client = mlflow.MlflowClient((folder / 'mlruns').as_uri())
    stop('mlflow', folder)
    assert mlflow.active_run() is None
    experiment = client.get_experiment_by_name('mmbackbones')
    assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ['FAILED']
    open_log('mlflow', tmp_path / 'other').close()  # into a folder of its own
    assert (tmp_path / 'other/mlruns').is_dir()
    open_log('mlflow', folder, iteration=4).close()
    (run,) = client.search_runs([experiment.experiment_id])  # one, although it was resumed
    assert (run.info.run_name, run.info.status, run.data.tags['mmbackbones.run']) == ('a b%20#', 'FINISHED', 'run5')
    assert run.data.params['optim_wrapper.optimizer.lr'] == '0.1'
    history = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    found = {key: [(one.step, one.value) for one in values] for key, values in history.items()}
    assert found['loss'] == [(3, 2.0), (4, 7.0), (4, 1.0)]
    assert found['bbox_mAP'] == [(3, -1.0)]
    assert found['bbox_AP__script___x___..___猫_'] == [(3, 0.25)]
    assert {item.path for item in client.list_artifacts(run.info.run_id)} == {'config.py', 'results.csv'}


@pytest.mark.parametrize('log', LOGS)
def test_a_library_that_is_not_installed(log, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, log, None)
    with pytest.raises(UserError, match=rf'^--log {log} needs {log}: pip install "mmbackbones\[{log}\]"$'):
        train('retinanet_van_t', work_dir=tmp_path, log=log)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('log', ['comet', '', 5, True])
def test_a_log_that_there_is_not(log):
    with pytest.raises(UserError, match='^log must be tensorboard, wandb, mlflow or None, got '):
        check_log(log)


def test_a_log_that_cannot_be_started(tmp_path):
    pytest.importorskip('tensorboard')
    (tmp_path / 'tensorboard').write_text('a file')
    with pytest.raises(UserError, match='^--log tensorboard cannot be started: .*; leave it out'):
        open_log('tensorboard', tmp_path)


def test_a_log_that_breaks_ends_no_run(tmp_path, monkeypatch, logged):
    pytest.importorskip('tensorboard')
    messages = logged('mmbackbones.engine.run_log')
    backend, calls = open_log('tensorboard', tmp_path), []

    def fail(*_):
        calls.append(1)
        raise ConnectionError('the server is gone')

    monkeypatch.setattr(backend, 'log', fail)
    for step in (1, 2):
        backend.add_scalars(BATCHES, step=step)
    backend.close()
    backend.close()  # as where a run fails at its end
    assert len(calls) == len(messages) == 1
    assert messages[0].startswith('--log tensorboard stopped working, and training goes on: the server is gone;')


def test_configs_of_runs_name_no_log(tmp_path):
    cfg, before = config(tmp_path), config(tmp_path)
    log_run(cfg, None, 'run5', 0)
    assert cfg.to_dict() == before.to_dict()
    log_run(cfg, 'wandb', 'run5', 0)
    without_logs(cfg)
    assert cfg.visualizer == before.visualizer
