"""What a training run returns, and several runs of one process, as in a notebook."""

import gc
import shutil
import warnings
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmbackbones.apis import train
from mmbackbones.datasets.shapes import CLASSES
from mmbackbones.engine.checkpoints.files import CheckpointFiles
from mmbackbones.engine.checkpoints.hook import WholeCheckpointHook
from mmbackbones.errors import UserError
from mmbackbones.evaluation.metrics import ExactCocoMetric
from mmbackbones.weights import load_from_file

SCORES = [0.5, 0.25]  # of each epoch


@pytest.fixture(scope='module')
def start(tiny_config, shapes):
    """Trains for two epochs of two iterations, of which the first is the better one."""
    options = {'train_dataloader.num_workers': 0, 'train_cfg.val_interval': 1, 'default_hooks.checkpoint.interval': 1}

    def run(work_dir, config=tiny_config, **more):
        options_of_run = {**options, **more.pop('cfg_options', {})}
        arguments = dict(data=shapes, img_scale=(64, 64), epochs=2, batch_size=4, cfg_options=options_of_run)
        return train(config, work_dir=work_dir, **{**arguments, **more})

    def compute_metrics(self, results):
        done = MessageHub.get_current_instance().get_info('iter') + 1  # one more where the run was only just resumed
        score = SCORES[done // 2 - 1]
        return dict(bbox_mAP=score, bbox_mAP_50=2 * score, bbox_mAP_l=float('nan'))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExactCocoMetric, 'compute_metrics', compute_metrics)
        yield run


@pytest.fixture(scope='module')
def first(start, tmp_path_factory):
    """The result of the first run of this process."""
    return start(tmp_path_factory.mktemp('first'))


METRICS = dict(bbox_mAP=0.5, bbox_mAP_50=1.0, bbox_mAP_l=-1.0)


@pytest.mark.slow
def test_the_best_checkpoint_and_its_metrics(first):
    folder = first.work_dir
    assert (first.checkpoint, first.best_checkpoint) == (
        folder / 'epoch_2.pth',
        folder / 'best_coco_bbox_mAP_epoch_1.pth',
    )
    assert (first.metric, first.metrics, first.classes) == ('bbox_mAP', METRICS, CLASSES)
    assert first.checkpoint.is_file()
    assert first.best_checkpoint.is_file()
    assert Config.fromfile(first.config).model.bbox_head.num_classes == len(CLASSES)


@pytest.mark.slow
def test_a_finished_run_whose_last_validation_was_cut_off(start, first, tmp_path):
    """Nothing is left to train, and the best checkpoint is one of the part before the interruption."""
    work_dir = shutil.copytree(first.work_dir, tmp_path / 'run')
    content = load_from_file(work_dir / 'epoch_2.pth')
    content['record'].update(validated=1, metrics={1: METRICS})
    torch.save(content, work_dir / 'epoch_2.pth')
    result = start(work_dir, resume='auto')
    assert (result.checkpoint, result.best_checkpoint) == (
        work_dir / 'epoch_2.pth',
        work_dir / 'best_coco_bbox_mAP_epoch_1.pth',
    )
    assert (result.metric, result.metrics) == ('bbox_mAP', METRICS)


@pytest.mark.slow
def test_without_a_best_checkpoint_it_is_the_last(start, first, tmp_path):
    result = start(tmp_path, epochs=1, cfg_options={'default_hooks.checkpoint.save_best': None})
    assert (result.checkpoint, result.best_checkpoint) == (tmp_path / 'epoch_1.pth',) * 2
    assert (result.metric, result.metrics) == (None, METRICS)
    result = start(tmp_path, epochs=1, cfg_options={'train_cfg.val_begin': 2})
    assert (result.best_checkpoint, result.metric, result.metrics) == (tmp_path / 'epoch_1.pth', None, {})


@pytest.mark.slow
def test_a_second_run_of_the_same_process(start, first, tiny_config, tmp_path, monkeypatch):
    """As in a notebook: after another task, with the folder changed, from a config that was read before."""
    before = {path: path.read_bytes() for path in first.work_dir.rglob('*') if path.is_file()}
    DefaultScope.get_instance('another task', scope_name='mmseg')
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(tiny_config)
    text = str(cfg)
    second = start(None, config=cfg)
    assert second.work_dir == tmp_path / 'work_dirs' / 'tiny'
    assert (second.metric, second.metrics, second.classes) == (first.metric, first.metrics, first.classes)
    one, other = (load_from_file(run.checkpoint)['state_dict'] for run in (first, second))
    assert [key for key, value in one.items() if not torch.equal(value, other[key])] == []
    assert {path: path.read_bytes() for path in before} == before  # logs included
    assert {path.name for path in second.work_dir.glob('*/vis_data/*.json')} >= {'scalars.json'}
    assert str(cfg) == text
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # what lazy attributes of libraries warn of
        assert not [item for item in gc.get_objects() if isinstance(item, Runner)]  # nor the memory of its model


class TestHook:
    """The answers of the hook that writes checkpoints, for files of any origin."""

    @staticmethod
    def hook(folder, best, metrics=None, by_epoch=True) -> WholeCheckpointHook:
        hook = WholeCheckpointHook(interval=1, by_epoch=by_epoch, save_best='auto')
        hook.files = CheckpointFiles(folder, 'epoch_{}.pth')
        record = dict(validated=2, best=best, metrics=metrics)
        hook.after_load_checkpoint(SimpleNamespace(_resume=True), dict(meta={}, record=record))
        return hook

    def test_none(self, tmp_path):
        assert self.hook(tmp_path, {}).best_checkpoint() is None
        assert self.hook(tmp_path, {'coco/mAP': [0.5, 1]}).best_checkpoint() is None  # the file was removed

    @pytest.mark.parametrize(
        ('given', 'found'),
        [
            ({1: dict(mAP=0.5, AP_50=1), 2: dict(mAP=0.4)}, dict(mAP=0.5, AP_50=1.0)),
            (None, dict(mAP=0.5)),
            ([1], dict(mAP=0.5)),
            ({'1': dict(mAP=0.5), 1: 'x'}, dict(mAP=0.5)),
            ({1: {'mAP': float('nan'), 'words': 'x', 3: 1.0, 'a': True}}, dict(mAP=0.5)),
        ],
    )
    def test_metrics_of_any_kind(self, tmp_path, given, found):
        file = tmp_path / 'best_coco_mAP_epoch_1.pth'
        file.touch()
        assert self.hook(tmp_path, {'coco/mAP': [0.5, 1]}, given).best_checkpoint() == (file, 'mAP', found)

    def test_a_run_that_kept_no_record(self, tmp_path):
        for epoch in (2, 10):
            (tmp_path / f'best_coco_mAP_epoch_{epoch}.pth').touch()
        hook = self.hook(tmp_path, {})
        hook.best = {'coco/mAP': (0.5, None)}
        assert hook.best_checkpoint() == (tmp_path / 'best_coco_mAP_epoch_10.pth', 'mAP', dict(mAP=0.5))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(epochs=0), 'epochs must be a whole number of at least 1, got 0'),
        (dict(iters=2.0), 'iters must be a whole number of at least 1, got 2.0'),
        (dict(batch_size='4'), "batch_size must be a whole number of at least 1, got '4'"),
        (dict(accumulate=True), 'accumulate must be a whole number of at least 1, got True'),
        (dict(epochs=1, iters=1), 'a run has one length: give epochs, iters or time_budget'),
        (dict(weights='van-b2', from_scratch=True), 'from_scratch starts from random weights: leave out weights'),
        (dict(lr=0), 'lr must be a number above 0, got 0'),
        (dict(img_scale=(64,)), r'img_scale must be \(width, height\) in pixels, got \(64,\)'),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(UserError, match=f'^{message}$'):
        train('retinanet_van_t', **arguments)
