"""Two processes on CPUs, through Gloo."""

import json
import os
import socket
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from time import sleep

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.distributed import group
from torch.distributed.distributed_c10d import _set_pg_timeout

from mmbackbones.apis import test as evaluate
from mmbackbones.datasets.shapes import generate_shapes
from mmbackbones.engine import distributed
from mmbackbones.engine.training import run_training
from mmbackbones.errors import UserError
from mmbackbones.evaluation.results_table import read_results_csv
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal

pytestmark = pytest.mark.slow

# Boxes of a model that has not learned anything yet; which images are in one batch may change the last digits.
SCORES = {'model.test_cfg.score_thr': 0.0, 'log_level': 'ERROR', 'test_dataloader.batch_size': 1}


@HOOKS.register_module()
class WatchHook(Hook):
    """Keeps what a process draws and validates; spoils the second process's loss if asked for."""

    priority = 'HIGHEST'

    def __init__(self, spoil: bool = False) -> None:
        self.spoil, self.batches, self.validated = spoil, [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.batches.append([sample.flip for sample in data_batch['data_samples']])
        self.draws = torch.rand(3), [float(inputs.float().mean()) for inputs in data_batch['inputs']]

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if self.spoil and os.environ['RANK'] == '1':
            outputs['loss_cls'] = torch.tensor(float('nan'))

    def before_val_iter(self, runner, batch_idx, data_batch=None) -> None:
        if not batch_idx:
            self.validated.append({key: value.clone() for key, value in runner.model.module.state_dict().items()})


def watched(runner) -> WatchHook:
    return next(hook for hook in runner.hooks if isinstance(hook, WatchHook))


def raised(work) -> tuple[str, str]:
    try:
        work()
    except BaseException as error:
        return type(error).__name__, str(error)


def raiser(error):
    def work():
        raise error

    return work


def scenario(config: str, seg_config: str, data: str, folder) -> dict:
    """All that a process does; returns what is to be looked at."""
    options = {'custom_hooks': [dict(type='WatchHook')], 'train_dataloader.num_workers': 1, **SCORES}
    start = partial(run_training, data=data, img_scale=(64, 64), batch_size=2, launcher='pytorch')
    test = partial(evaluate, data=data, img_scale=(64, 64), launcher='pytorch')
    runner = start(config, iters=2, work_dir=str(folder / 'boxes'), cfg_options=options)
    seen = dict(boxes=watched(runner))
    seen['metrics'] = test(
        str(folder / 'boxes/iter_2.pth'),
        config=config,
        work_dir=str(folder / 'test'),
        cfg_options={**SCORES, 'test_evaluator.outfile_prefix': str(folder / 'test/found')},
    )
    del options['model.test_cfg.score_thr']
    runner = start(seg_config, epochs=1, work_dir=str(folder / 'labels'), cfg_options=options)
    seen['labels'] = watched(runner)
    seen['seg_metrics'] = test(str(folder / 'labels/epoch_1.pth'), config=seg_config, work_dir=str(folder / 'seg_test'))
    options['custom_hooks'] = [dict(type='WatchHook', spoil=True)]
    seen['nan'] = raised(lambda: start(config, iters=2, work_dir=str(folder / 'nan'), cfg_options=options))
    seen['relayed'] = [
        raised(lambda error=error: distributed.main_process_first(raiser(error)))
        for error in (UserError('no data'), KeyError('bug'), KeyboardInterrupt(), SystemExit(3))
    ]
    _set_pg_timeout(timedelta(seconds=1), group.WORLD)
    seen['slow'] = distributed.main_process_first(lambda: sleep(3) or 'checked')
    return seen


def run_scenario(rank: int, port: int, folder, *arguments) -> None:
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port)
    )
    torch.set_num_threads(1)
    os.chdir(folder)
    torch.save(scenario(*arguments, folder), folder / f'seen_{rank}.pth')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Nine training images and, uneven, three to test on."""
    return str(generate_shapes(tmp_path_factory.mktemp('data') / 'shapes', num_train=9, num_val=3, size=64))


@pytest.fixture(scope='module')
def tiny_configs(tiny_config, tiny_seg_config, tmp_path_factory):
    """The two configs without their bases, quicker to read."""
    paths = [tmp_path_factory.mktemp('config') / name for name in ('boxes.py', 'labels.py')]
    for path, config in zip(paths, (tiny_config, tiny_seg_config), strict=True):
        Config.fromfile(config).dump(path)
    return [str(path) for path in paths]


@pytest.fixture(scope='module')
def folder(tiny_configs, data, tmp_path_factory):
    """Where the two processes have been; ``seen_0.pth`` and ``seen_1.pth`` hold what they report."""
    folder = tmp_path_factory.mktemp('two')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'pretty_text', '')  # takes a second, for each checkpoint
        context = get_context('fork')
        processes = [
            context.Process(target=run_scenario, args=(rank, port, folder, *tiny_configs, data)) for rank in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
            process.kill()  # if it still is there, waiting for the other
            process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    return folder


@pytest.fixture(scope='module')
def seen(folder):
    return [torch.load(folder / f'seen_{rank}.pth', weights_only=False) for rank in range(2)]


@pytest.mark.parametrize('kind', ['boxes', 'labels'])  # counted in iterations, and in epochs
def test_each_process_draws_for_itself(seen, kind):
    (one, images), (other, other_images) = (report[kind].draws for report in seen)
    assert not torch.equal(one, other)
    assert images != other_images


@pytest.mark.parametrize('kind', ['boxes', 'labels'])
def test_augmentation_differs_between_processes(seen, kind):
    flips = [str(report[kind].batches) for report in seen]
    assert flips[0] != flips[1]


@pytest.mark.parametrize(('kind', 'file'), [('boxes', 'iter_2.pth'), ('labels', 'epoch_1.pth')])
def test_the_model_that_is_validated_is_saved(folder, seen, kind, file):
    """Running statistics of batch norms as well, in each process."""
    saved = load_from_file(folder / kind / file)['state_dict']
    assert any('running_mean' in key for key in saved)
    for report in seen:
        assert_equal(report[kind].validated[-1], saved)


@pytest.mark.parametrize(('kind', 'metric'), [('boxes', 'bbox_mAP'), ('labels', 'mIoU')])
def test_the_first_process_writes_the_results(folder, kind, metric):
    row = read_results_csv(folder / kind / 'results.csv')[-1]
    assert row['train/loss'] > 0
    assert metric in row
    assert (folder / kind / 'curves.png').is_file()
    assert not (folder / 'nan' / 'results.csv').exists()


def test_a_test_in_parts_is_the_whole_test(folder, seen, tiny_configs, data, tmp_path):
    single = partial(evaluate, data=data, img_scale=(64, 64))
    boxes = single(
        str(folder / 'boxes/iter_2.pth'),
        config=tiny_configs[0],
        work_dir=str(tmp_path),
        cfg_options={**SCORES, 'test_evaluator.outfile_prefix': str(tmp_path / 'found')},
    )
    labels = single(str(folder / 'labels/epoch_1.pth'), config=tiny_configs[1], work_dir=str(tmp_path / 'labels'))
    for report in seen:
        assert report['metrics'] == boxes
        assert report['seg_metrics'] == labels
    assert (folder / 'test/found.bbox.json').read_text() == (tmp_path / 'found.bbox.json').read_text()
    assert (folder / 'test/predictions.json').read_text() == (tmp_path / 'predictions.json').read_text()
    assert (folder / 'test/metrics.json').read_text() == (tmp_path / 'metrics.json').read_text()
    assert (folder / 'seg_test/predictions.json').read_text() == (tmp_path / 'labels/predictions.json').read_text()
    for parts, whole in ((folder / 'test', tmp_path), (folder / 'seg_test', tmp_path / 'labels')):
        one, other = (json.loads((place / 'ground_truth.json').read_text()) for place in (parts, whole))
        assert {**one, 'info': None} == {**other, 'info': None}
        assert one['info']['sha256'] == other['info']['sha256']
        assert one['annotations']
    assert not (folder / '.dist_test').exists()


def test_one_process_with_nan_ends_both(folder, seen):
    (kind, said), other = (report['nan'] for report in seen)
    assert kind == 'RunFailed'
    assert 'loss_cls is nan' in said
    assert (kind, said) == other
    assert not list((folder / 'nan').glob('*.pth'))


def test_what_ends_the_first_process_ends_the_other(seen):
    assert [kind for kind, _ in seen[0]['relayed']] == ['UserError', 'KeyError', 'KeyboardInterrupt', 'SystemExit']
    assert seen[1]['relayed'] == [
        ('UserError', 'no data'),
        *(
            ('RunFailed', f'the first process ended with {text}')
            for text in ("KeyError: 'bug'", 'KeyboardInterrupt: ', 'SystemExit: 3')
        ),
    ]


def test_work_may_take_longer_than_the_time_out(seen):
    assert [report['slow'] for report in seen] == ['checked', 'checked']


@pytest.mark.parametrize('arguments', [['train', 'CONFIG'], ['test', 'CONFIG', 'none.pth']])
def test_several_processes_without_a_launcher_are_refused(tool, tiny_configs, data, monkeypatch, arguments):
    monkeypatch.setenv('RANK', '0')
    monkeypatch.setenv('WORLD_SIZE', '2')
    name, *arguments = [tiny_configs[0] if argument == 'CONFIG' else argument for argument in arguments]
    code, _, err = tool(name, *arguments, '--data', data)
    assert code == 2
    assert 'torchrun started 2 processes' in err
    assert 'add --launcher pytorch' in err


def test_processes_of_mpirun_without_a_launcher_are_refused(monkeypatch):
    monkeypatch.setenv('OMPI_COMM_WORLD_SIZE', '4')
    with pytest.raises(UserError, match='mpirun started 4 processes.*add --launcher mpi'):
        distributed.init_distributed(Config(), 'none')


@pytest.mark.parametrize('timeout', ['ten', 0, -1, None, True, float('inf')])
def test_a_time_out_that_is_none_is_refused(timeout):
    cfg = Config(dict(env_cfg=dict(dist_cfg=dict(timeout=timeout))))
    with pytest.raises(UserError, match=f'dist_cfg.timeout must be a number of seconds above 0, got {timeout!r}'):
        distributed.init_distributed(cfg, 'pytorch')


def test_no_batch_norm_is_synchronized_on_cpus():
    """Neither one that the config asks for nor all others, which MMEngine would convert."""
    cfg = Config(
        dict(model=dict(norm_cfg=dict(type='SyncBN'), heads=[dict(norm_cfg=dict(type='SyncBN'))]), sync_bn='torch')
    )
    distributed._use_cpus(cfg)
    assert cfg.model == dict(norm_cfg=dict(type='BN'), heads=[dict(norm_cfg=dict(type='BN'))])
    assert 'sync_bn' not in cfg
