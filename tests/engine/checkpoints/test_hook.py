"""Checkpoints of a training run that is killed while it writes one, and resumed."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub

from mmbackbones.apis import train
from mmbackbones.engine.checkpoints.guard import guard_checkpoints
from mmbackbones.engine.checkpoints.hook import WholeCheckpointHook
from mmbackbones.engine.checkpoints.record import lacks_validation
from mmbackbones.errors import UserError
from mmbackbones.evaluation.metrics import ExactCocoMetric
from mmbackbones.weights import load_from_file
from tests.helpers.kill import run_killed
from tests.helpers.results import steady_rows

pytestmark = pytest.mark.slow

SCORES = [(0.1, 0.3), (0.3, 0.2), (0.2, 0.4)]  # of two metrics, for each epoch


@pytest.fixture(scope='module', autouse=True)
def scores(start):
    """What validation finds, epoch by epoch."""

    def compute_metrics(self, results):
        done = MessageHub.get_current_instance().get_info('iter') + 1  # one more where the run was only just resumed
        mean, at_50 = SCORES[done // 2 - 1]
        return dict(bbox_mAP=mean, bbox_mAP_50=at_50)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'pretty_text', '')  # takes a second, for each checkpoint
        patch.setattr(ExactCocoMetric, 'compute_metrics', compute_metrics)
        yield


@pytest.fixture(scope='module')
def start(tiny_config, shapes, tmp_path_factory):
    """A training run of three epochs of two iterations."""
    flat = tmp_path_factory.mktemp('config') / 'tiny.py'
    Config.fromfile(tiny_config).dump(flat)  # quicker to read
    return partial(train, str(flat), data=str(shapes), img_scale=(64, 64), epochs=3, batch_size=4)


def options(**more) -> dict:
    return {
        'train_dataloader.num_workers': 0,
        'log_level': 'ERROR',
        'train_cfg.val_interval': 1,
        **{f'default_hooks.checkpoint.{key}': value for key, value in more.items()},
    }


def checkpoints(folder) -> dict[str, dict]:
    """The weights in every file that was left behind, by its name, but not those of configs and logs."""
    files = [path for path in folder.iterdir() if '.pth' in path.name]
    return {path.name: load_from_file(path)['state_dict'] for path in files}


def assert_same_checkpoints(one, other) -> None:
    one, other = checkpoints(one), checkpoints(other)
    assert sorted(one) == sorted(other)
    for name, state in one.items():
        torch.testing.assert_close(state, other[name], rtol=0, atol=0)


@pytest.fixture(scope='module')
def whole(start, scores, tmp_path_factory):
    """Work directory of an uninterrupted run."""
    folder = tmp_path_factory.mktemp('whole')
    start(work_dir=str(folder), cfg_options=options(max_keep_ckpts=2))
    return folder


def test_files_of_an_uninterrupted_run(whole):
    assert sorted(checkpoints(whole)) == ['best_coco_bbox_mAP_epoch_2.pth', 'epoch_2.pth', 'epoch_3.pth']
    assert (whole / 'last_checkpoint').read_text() == str(whole / 'epoch_3.pth')


@pytest.mark.parametrize(('name', 'occurrence'), [('best', 2), ('epoch_2', 2), ('epoch_3', 1)])
def test_killed_while_it_writes(start, whole, tmp_path, name, occurrence):
    again = partial(start, work_dir=str(tmp_path), cfg_options=options(max_keep_ckpts=2))
    run_killed(again, name, occurrence)
    again(resume='auto')
    assert_same_checkpoints(tmp_path, whole)
    assert steady_rows(tmp_path) == steady_rows(whole)
    assert [(row['epoch'], row['bbox_mAP']) for row in steady_rows(whole)] == [(1, 0.1), (2, 0.3), (3, 0.2)]


def test_killed_before_it_removed_old_checkpoints(start, whole, tmp_path):
    run_killed(partial(start, work_dir=str(tmp_path), cfg_options=options(max_keep_ckpts=3)), 'epoch_3', 2)
    start(work_dir=str(tmp_path), resume='auto', cfg_options=options(max_keep_ckpts=2))
    assert_same_checkpoints(tmp_path, whole)


def test_killed_while_it_writes_the_last_best(start, tmp_path):
    """The last epoch is trained and its checkpoint written, but its validation is not completed."""
    again = partial(start, epochs=2, work_dir=str(tmp_path), cfg_options=options())
    run_killed(again, 'best', 2)
    again(resume='auto')
    assert sorted(checkpoints(tmp_path)) == ['best_coco_bbox_mAP_epoch_2.pth', 'epoch_1.pth', 'epoch_2.pth']


def test_the_best_of_two_metrics(start, tmp_path):
    again = partial(
        start,
        work_dir=str(tmp_path),
        cfg_options=options(save_best=['coco/bbox_mAP', 'coco/bbox_mAP_50'], max_keep_ckpts=1),
    )
    run_killed(again, 'best_coco_bbox_mAP_50_epoch_3', 1)
    again(resume='auto')
    assert sorted(checkpoints(tmp_path)) == [
        'best_coco_bbox_mAP_50_epoch_3.pth',
        'best_coco_bbox_mAP_epoch_2.pth',
        'epoch_3.pth',
    ]


def test_the_files_of_another_run_stay(start, whole, tmp_path):
    """Nor does a run that is resumed in another folder touch the best checkpoint of the first."""
    before = {path: path.read_bytes() for path in whole.iterdir() if '.pth' in path.name}
    foreign = tmp_path / 'best_coco_bbox_mAP_epoch_1.pth'
    torch.save(dict(state_dict={}), foreign)
    start(work_dir=str(tmp_path), resume=str(whole / 'epoch_2.pth'), cfg_options=options(max_keep_ckpts=1))
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(checkpoints(tmp_path)) == [foreign.name, 'best_coco_bbox_mAP_epoch_2.pth', 'epoch_3.pth']


def test_a_metric_that_validation_does_not_give(start, tmp_path):
    with pytest.raises(UserError, match='save_best asks for the metric mIoU, but validation gives coco/bbox_mAP, '):
        start(work_dir=str(tmp_path), cfg_options=options(save_best='mIoU'))


def test_validations_left_to_do(whole):
    """Nothing, after a finished run; nor for a checkpoint that another hook wrote."""
    done = load_from_file(whole / 'epoch_3.pth')
    assert not lacks_validation(done)
    assert lacks_validation({**done, 'record': {**done['record'], 'validated': 2}})
    assert not lacks_validation({'meta': dict(epoch=3, iter=6)})


def test_files_of_the_run_are_known_by_its_id(start, whole, tmp_path):
    """Those of the resumed run are removed in their turn, those of another run stay.

    Before it was the id of ``run.json``, checkpoints carried a number of their own in ``record``.
    """
    for name in ('epoch_2.pth', 'best_coco_bbox_mAP_epoch_2.pth'):
        content = load_from_file(whole / name)
        content['record']['run'] = 'f00d' * 8
        torch.save(content, tmp_path / name)
    torch.save(content, tmp_path / 'epoch_1.pth')
    content['meta']['run_id'] = 'another'
    torch.save(content, tmp_path / 'epoch_0.pth')
    (tmp_path / 'run.json').write_text((whole / 'run.json').read_text())
    (tmp_path / 'last_checkpoint').write_text('epoch_2.pth')
    start(work_dir=str(tmp_path), resume='auto', cfg_options=options(max_keep_ckpts=2))
    (tmp_path / 'epoch_0.pth').unlink()  # else it would have to be in `whole`
    assert_same_checkpoints(tmp_path, whole)


class TestGuard:
    @staticmethod
    def guarded(**checkpoint) -> Config:
        cfg = Config(dict(default_hooks=dict(checkpoint=checkpoint or None)))
        guard_checkpoints(cfg)
        return cfg

    def test_the_hook_is_replaced(self):
        cfg = self.guarded(type='CheckpointHook', interval=2)
        assert cfg.default_hooks.checkpoint == dict(type='WholeCheckpointHook', interval=2)
        assert self.guarded(type='WholeCheckpointHook').default_hooks.checkpoint.type == 'WholeCheckpointHook'

    def test_the_hooks_of_others_stay(self):
        assert self.guarded(type='MyHook', out_dir='s3://bucket').default_hooks.checkpoint.type == 'MyHook'

    @pytest.mark.parametrize(
        ('storage', 'place'),
        [
            (dict(out_dir='s3://bucket'), 's3://bucket'),
            (dict(out_dir='a', backend_args=dict(backend='petrel')), 'a'),
            (dict(file_client_args=dict(backend='petrel')), 'a storage of its own'),
        ],
    )
    def test_other_storage_than_folders_is_refused(self, storage, place):
        with pytest.raises(UserError, match=f'writes to {place}, but checkpoints can only be written to a folder'):
            self.guarded(type='CheckpointHook', **storage)


def test_checkpoints_go_to_folders(tiny_config, shapes):
    with pytest.raises(UserError, match='writes to s3://bucket, but checkpoints can only be written to a folder'):
        train(tiny_config, data=str(shapes), cfg_options={'default_hooks.checkpoint.out_dir': 's3://bucket'})


@pytest.mark.parametrize(
    ('validated', 'lacks'), [(3, False), (6, False), (2, True), (None, True), ('3', True), (True, True), (-3, True)]
)
def test_records_of_any_kind(validated, lacks):
    assert lacks_validation(dict(meta=dict(epoch=3, iter=6), record=dict(validated=validated))) == lacks


def test_names_of_metrics_in_a_file_fit_into_file_names():
    record = dict(
        validated=1, best={'m' * 5000: [1.0, 1], '\x1b[2J': [1.0, 1], 'mAP': [0.5, 1], 'AP': [float('nan'), 1]}
    )
    hook = WholeCheckpointHook(interval=1)
    hook.after_load_checkpoint(SimpleNamespace(_resume=True), dict(meta={}, record=record))
    assert hook.best == {'mAP': (0.5, 1)}
