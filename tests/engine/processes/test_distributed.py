"""Two processes on CPUs, through Gloo."""

import json
import os
import signal
import socket
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import monotonic, sleep

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.distributed import group
from torch.distributed.distributed_c10d import _set_pg_timeout

from mmbackbones.apis import test as evaluate
from mmbackbones.datasets.shapes import generate_shapes
from mmbackbones.engine import dataset_config
from mmbackbones.engine.processes import distributed
from mmbackbones.engine.training import run_training
from mmbackbones.errors import ProcessLost, UserError
from mmbackbones.evaluation.results_table import read_results_csv
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal

pytestmark = pytest.mark.slow

# What makes the gradients of a whole batch the mean of those of its parts: batch norms that do not learn, and no draws
# in the model. AdamW would make steps out of the rounding of gradients that are nothing else.
BY_PARTS = {
    'model.backbone.drop_path_rate': 0.0,
    'model.backbone.norm_eval': True,
    'optim_wrapper.optimizer': dict(_delete_=True, type='SGD', lr=0.01, momentum=0.9, weight_decay=0.01),
}
GROUP_NORM = dict(type='GN', num_groups=2)
BY_PARTS_OF_LABELS = {
    'model.decode_head.norm_cfg': GROUP_NORM,
    'model.auxiliary_head.norm_cfg': GROUP_NORM,
    'model.decode_head.dropout_ratio': 0.0,
    'model.auxiliary_head.dropout_ratio': 0.0,
    **BY_PARTS,
}
QUICK = {'custom_hooks': [dict(type='WatchHook')], 'train_dataloader.num_workers': 0, 'log_level': 'ERROR'}
UNVALIDATED = {'train_cfg.val_interval': 100, 'default_hooks.checkpoint.interval': 2}
SHARDED = {'model_wrapper_cfg.type': 'FullyShardedModel'}
# Boxes of a model that has not learned anything yet; which images are in one batch may change the last digits.
SCORES = {'model.test_cfg.score_thr': 0.0, 'log_level': 'ERROR', 'test_dataloader.batch_size': 1}


@HOOKS.register_module()
class WatchHook(Hook):
    """Keeps what a process draws, loses and validates; spoils the loss of the second, kills or stops it, if asked."""

    priority = 'HIGHEST'

    def __init__(self, spoil: bool = False, kill: bool = False, stop: bool = False) -> None:
        self.stop = stop
        self.spoil, self.kill, self.batches, self.losses, self.validated = spoil, kill, [], [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.batches.append([sample.flip for sample in data_batch['data_samples']])
        if self.kill and runner.iter and os.environ['RANK'] == '1':
            os.kill(os.getpid(), signal.SIGKILL)
        self.draws = torch.rand(3), [float(inputs.float().mean()) for inputs in data_batch['inputs']]

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.losses.append({name: value.item() for name, value in outputs.items() if 'loss' in name})
        if self.stop and not runner.iter and os.environ['RANK'] == '1':
            signal.raise_signal(signal.SIGTERM)
        if self.spoil and os.environ['RANK'] == '1':
            outputs['loss_cls'] = torch.tensor(float('nan'))

    def before_val_iter(self, runner, batch_idx, data_batch=None) -> None:
        if not batch_idx:
            self.validated.append({key: value.clone() for key, value in whole(runner.model).state_dict().items()})


@HOOKS.register_module()
class TroubleHook(Hook):
    """Takes an image away in the first process after the check of the data; makes NaN of a batch of the second."""

    def __init__(self, image: str, batch: int = -1) -> None:
        self.image, self.batch = image, batch

    def before_train(self, runner) -> None:
        if os.environ['RANK'] == '0':
            os.rename(self.image, f'{self.image}.hidden')
            return
        preprocessor = whole(runner.model).data_preprocessor
        preprocess = preprocessor.forward

        def spoil(data, training=False):
            data = preprocess(data, training)
            return {**data, 'inputs': data['inputs'] * float('nan')} if runner.iter == self.batch else data

        preprocessor.forward = spoil


def whole(model):
    return getattr(model, 'module', model)


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


@contextmanager
def reads_counted():
    """Collects the names of the checkpoints that this process reads: a list that grows."""
    names, load = [], torch.load

    def count(file, **more):
        if hasattr(file, 'name'):  # else what another process has sent
            names.append(Path(file.name).name)
        return load(file, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, 'load', count)
        yield names


def scenario(config: str, seg_config: str, data: str, folder) -> dict:
    """All that a process does; returns what is to be looked at."""
    checked = []
    load = dataset_config.load_detection
    dataset_config.load_detection = lambda *args, **kwargs: checked.append(args) or load(*args, **kwargs)
    options = {'custom_hooks': [dict(type='WatchHook')], 'train_dataloader.num_workers': 1, **SCORES}
    by_parts = {**options, **BY_PARTS}
    start = partial(run_training, data=data, img_scale=(64, 64), batch_size=2, launcher='pytorch')
    test = partial(evaluate, data=data, img_scale=(64, 64), launcher='pytorch')
    runner = start(config, iters=2, work_dir=str(folder / 'boxes'), cfg_options=by_parts)
    seen = dict(boxes=watched(runner), checks=len(checked))
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
    quick = dict(accumulate=2, cfg_options={**QUICK, **BY_PARTS_OF_LABELS, **UNVALIDATED})
    runner = start(seg_config, iters=4, work_dir=str(folder / 'steps'), **quick)
    seen['steps'] = watched(runner)
    hooks = {'custom_hooks': [dict(type='WatchHook', stop=True)], 'default_hooks.checkpoint.interval': 9}
    stopped = {**quick, 'cfg_options': {**quick['cfg_options'], **hooks}}
    seen['stopped'] = raised(lambda: start(seg_config, iters=4, work_dir=str(folder / 'stopped'), **stopped))
    with reads_counted() as seen['read']:
        start(seg_config, iters=4, work_dir=str(folder / 'resumed'), resume=str(folder / 'stopped/iter_2.pth'), **quick)
    runner = start(
        config,
        iters=2,
        work_dir=str(folder / 'shards'),
        resume=str(folder / 'boxes/iter_1.pth'),
        cfg_options={**by_parts, **SHARDED},
    )
    seen['shards'] = {name: value.to_local().numel() for name, value in runner.model.named_parameters()}
    image = next((Path(data) / 'images/training').glob('*3.jpg'))
    troubled = {**QUICK, **UNVALIDATED, 'custom_hooks': [dict(type='TroubleHook', image=str(image), batch=1)]}
    skip = dict(accumulate=2, on_nan=('skip', 1), on_bad_data='skip', cfg_options=troubled)
    runner = start(config, iters=4, work_dir=str(folder / 'skip'), **skip)
    seen['skip'] = whole(runner.model).state_dict()
    distributed.main_process_first(lambda: os.rename(f'{image}.hidden', image))
    seen['bad'] = raised(lambda: start(config, iters=4, work_dir=str(folder / 'bad'), cfg_options=troubled))
    distributed.main_process_first(lambda: os.rename(f'{image}.hidden', image))
    seen['nan'] = raised(lambda: start(config, iters=2, work_dir=str(folder / 'nan'), cfg_options=options))
    seen['relayed'] = [
        raised(lambda error=error: distributed.main_process_first(raiser(error)))
        for error in (UserError('no data'), KeyError('bug'), KeyboardInterrupt(), SystemExit(3))
    ]
    _set_pg_timeout(timedelta(seconds=1), group.WORLD)
    seen['slow'] = distributed.main_process_first(lambda: sleep(3) or 'checked')
    return seen


def lose_a_process(folder, config: str, data: str) -> None:
    options = {**QUICK, 'custom_hooks': [dict(type='WatchHook', kill=True)]}
    work_dir = str(folder / 'lost')
    run_training(
        config, data=data, img_scale=(64, 64), iters=3, launcher='pytorch', work_dir=work_dir, cfg_options=options
    )


def run_scenario(rank: int, port: int, folder, *arguments) -> None:
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port)
    )
    torch.set_num_threads(1)
    os.chdir(folder)
    seen = scenario(*arguments, folder)
    torch.save(seen, folder / f'seen_{rank}.pth')
    _set_pg_timeout(timedelta(seconds=60), group.WORLD)
    begin = monotonic()
    seen['lost'] = raised(lambda: lose_a_process(folder, *arguments[::2]))
    torch.save({**seen, 'seconds': monotonic() - begin}, folder / f'seen_{rank}.pth')


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
            process.join(240)
            process.kill()  # if it still is there, waiting for the other
            process.join()
    assert [process.exitcode for process in processes] == [0, -signal.SIGKILL]
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


def test_one_process_checks_the_data(seen):
    assert [report['checks'] for report in seen] == [1, 0]


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


@pytest.fixture(scope='module')
def alone(tiny_configs, data, tmp_path_factory):
    """What a single process does with batches of twice the size: the hook of its run, and the folder."""
    folder = tmp_path_factory.mktemp('one')
    start = partial(run_training, data=data, img_scale=(64, 64), batch_size=4)
    boxes = start(tiny_configs[0], iters=2, work_dir=str(folder / 'boxes'), cfg_options={**QUICK, **BY_PARTS})
    options = {**QUICK, **BY_PARTS_OF_LABELS, **UNVALIDATED}
    steps = start(tiny_configs[1], iters=4, accumulate=2, work_dir=str(folder / 'steps'), cfg_options=options)
    return dict(boxes=watched(boxes), steps=watched(steps)), folder


@pytest.mark.parametrize(('kind', 'iterations'), [('boxes', 2), ('steps', 4)])
def test_two_processes_train_as_one_does(folder, seen, alone, kind, iterations):
    """Losses are the mean of both, and weights are equal but for rounding."""
    hooks, place = alone
    assert len(hooks[kind].losses) == iterations
    for whole, *parts in zip(hooks[kind].losses, *(report[kind].losses for report in seen), strict=True):
        mean = {name: sum(part[name] for part in parts) / 2 for name in whole}
        assert mean == pytest.approx(whole, rel=2e-6)
        assert parts[0]['loss'] != pytest.approx(whole['loss'], rel=1e-4)
    one, two = (load_from_file(path / kind / f'iter_{iterations}.pth')['state_dict'] for path in (place, folder))
    torch.testing.assert_close(two, one, rtol=0, atol=2e-6)


def test_a_resumed_run_of_two_processes_is_an_uninterrupted_one(folder):
    """By iterations, between two steps of an accumulation."""
    for part in ('state_dict', 'optimizer'):
        one, other = (load_from_file(folder / name / 'iter_4.pth')[part] for name in ('steps', 'resumed'))
        assert_equal(one, other)


def test_shards_train_as_whole_models_do(folder, seen):
    """Resumed from a checkpoint of whole models, and saved as one."""
    sizes = [report['shards'] for report in seen]
    weights = load_from_file(folder / 'boxes/iter_2.pth')['state_dict']
    for name, size in sizes[0].items():
        assert size + sizes[1][name] == weights[name].numel()
        assert size <= max(weights[name].numel() * 2 // 3, weights[name][0].numel())
    one, other = (load_from_file(folder / name / 'iter_2.pth') for name in ('boxes', 'shards'))
    torch.testing.assert_close(other['state_dict'], one['state_dict'], rtol=0, atol=1e-6)
    assert one['optimizer'].keys() == other['optimizer'].keys()
    torch.testing.assert_close(other['optimizer']['state'], one['optimizer']['state'], rtol=0, atol=1e-6)


def test_each_process_reads_the_checkpoint_once(seen):
    assert [report['read'] for report in seen] == [['iter_2.pth'], ['iter_2.pth']]


def test_another_number_of_processes_resumes(folder, tiny_configs, data, tmp_path, capsys):
    run_training(
        tiny_configs[0],
        data=data,
        img_scale=(64, 64),
        batch_size=4,
        iters=3,
        resume=str(folder / 'shards/iter_2.pth'),
        work_dir=str(tmp_path),
        cfg_options={**QUICK, **BY_PARTS, **SHARDED, 'train_cfg.val_interval': 100},
    )
    assert 'changed settings: batch_size 2 -> 4, processes 2 -> 1' in capsys.readouterr().out
    assert (tmp_path / 'iter_3.pth').is_file()


def test_a_process_that_is_killed_ends_the_other(folder, seen):
    kind, said = seen[0]['lost']
    assert kind == 'ProcessLost'
    assert said.startswith('another process of this run has ended, or no longer answers (')
    assert said.endswith('; the last good checkpoint is lost/iter_1.pth')
    assert 'pair.cc' not in said
    assert seen[0]['seconds'] < 60
    assert 'lost' not in seen[1]
    assert not (folder / 'lost/train.lock').exists()


def test_one_process_with_nan_ends_both(folder, seen):
    (kind, said), other = (report['nan'] for report in seen)
    assert kind == 'RunFailed'
    assert 'loss_cls is nan' in said
    assert (kind, said) == other
    assert not list((folder / 'nan').glob('*.pth'))


def test_a_batch_that_is_left_out_is_so_in_both(folder, seen):
    """Also the last one of an accumulation, which would have brought the gradients of both together."""
    assert_equal(seen[0]['skip'], seen[1]['skip'])
    saved = load_from_file(folder / 'skip/iter_4.pth')
    assert_equal(seen[0]['skip'], saved['state_dict'])
    assert saved['left_out']['losses']['count'] == 1
    assert len(saved['left_out']['losses']['files']) == 2  # of the second process


def test_both_know_of_an_image_that_is_missing(folder, seen):
    missing = load_from_file(folder / 'skip/iter_4.pth')['left_out']['bad data']
    assert missing['count'] >= 1
    assert [name.split('/')[-1] for name in missing['files']] == ['000003.jpg no longer exists']
    (kind, said), other = (report['bad'] for report in seen)
    assert kind == 'RunFailed'
    assert '000003.jpg no longer exists; ' in said
    assert (kind, said) == other


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


def test_a_signal_to_one_process_stops_both(folder, seen):
    """At the end of the accumulation, because the gradients of several processes are in no checkpoint."""
    assert [report['stopped'] for report in seen] == [('Terminated', '0')] * 2
    assert [path.name for path in (folder / 'stopped').glob('*.pth')] == ['iter_2.pth']


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


@pytest.mark.parametrize(
    ('error', 'why'),
    [
        (
            '[/third_party/gloo/gloo/transport/tcp/pair.cc:537] Read error [10.0.0.1]:47029: Connection reset by peer. '
            'This is typically caused by a remote worker hanging.',
            'Read error [10.0.0.1]:47029: Connection reset by peer',
        ),
        ('[gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 3600000ms for recv operation', 'Timed out'),
        ('NCCL communicator was aborted on rank 0.', 'NCCL communicator was aborted on rank 0'),
        ('NCCL error in: NCCLUtils.hpp:268, remote process exited or there was a network error', 'NCCL error in'),
        ('[gloo/transport/tcp/pair.cc:446] op.preamble.length <= op.nbytes. 16 vs 8', None),
        ('DataLoader timed out after 5 seconds', None),
    ],
)
def test_what_the_libraries_say_of_a_lost_process(monkeypatch, error, why):
    monkeypatch.setattr(distributed, 'is_distributed', lambda: True)
    with pytest.raises(ProcessLost if why else RuntimeError) as caught, distributed.noticing_lost_processes():
        raise RuntimeError(error)
    wanted = f'another process of this run has ended, or no longer answers ({why}' if why else error
    assert str(caught.value).startswith(wanted)


@pytest.mark.parametrize(('given', 'port'), [({'SLURM_JOB_ID': '1234567'}, '26567'), ({'MASTER_PORT': '1'}, '1')])
def test_each_job_of_slurm_has_its_own_port(monkeypatch, given, port):
    variables = {'SLURM_PROCID': '0', 'SLURM_NTASKS': '2', 'SLURM_NODELIST': 'a', 'MASTER_PORT': None, **given}
    for name, value in variables.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(distributed, 'get_device', lambda: 'cuda')
    seen = []
    monkeypatch.setattr(distributed, 'init_dist', lambda *_, **__: seen.append(os.environ['MASTER_PORT']))
    distributed._join('slurm', dict(timeout=60))
    assert seen == [port]
