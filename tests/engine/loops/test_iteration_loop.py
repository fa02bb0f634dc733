"""Runs counted in iterations: what they draw depends on seed and position alone."""

import pytest
from mmdet.datasets import CocoDataset
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmbackbones.apis import train
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal
from tests.helpers.results import steady_rows

pytestmark = pytest.mark.slow


class Stopped(BaseException):
    """Ends a training run, for a test."""


@HOOKS.register_module()
class StopHook(Hook):
    """Ends a training run before its fourth iteration."""

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter == 3:
            raise Stopped


@pytest.fixture(scope='module')
def start(tiny_config, shapes, tmp_path_factory):
    """Trains for four iterations, with one or with no data worker."""
    flat = tmp_path_factory.mktemp('config') / 'tiny.py'
    Config.fromfile(tiny_config).dump(flat)  # quicker to read

    def start_training(folder, workers: int, **more):
        stop = [dict(type='StopHook')] if more.pop('stop', False) else []
        return train(
            str(flat),
            data=str(shapes),
            img_scale=(64, 64),
            iters=4,
            batch_size=2,
            work_dir=str(folder),
            cfg_options={'train_dataloader.num_workers': workers, 'log_level': 'ERROR', 'custom_hooks': stop},
            **more,
        )

    return start_training


def weights(run) -> dict:
    return load_from_file(run.checkpoint)['state_dict']


@pytest.fixture(scope='module')
def whole(start, tmp_path_factory):
    """The weights and the results of an uninterrupted training run."""
    run = start(tmp_path_factory.mktemp('whole'), workers=1)
    return weights(run), steady_rows(run.work_dir)


def test_number_of_workers_makes_no_difference(start, whole, tmp_path):
    assert_equal(weights(start(tmp_path, workers=0)), whole[0])
    assert steady_rows(tmp_path) == whole[1]


@pytest.mark.parametrize('workers', [0, 1])
def test_resumed_training_is_equal(start, whole, tmp_path, workers, monkeypatch):
    with pytest.raises(Stopped):
        start(tmp_path, workers, stop=True)
    loaded, load = [], CocoDataset.__getitem__

    def count(self, index):
        if not self.test_mode:
            loaded.append(index)
        return load(self, index)

    monkeypatch.setattr(CocoDataset, '__getitem__', count)
    assert_equal(weights(start(tmp_path, workers, resume='auto')), whole[0])
    assert steady_rows(tmp_path) == whole[1]
    if not workers:
        assert len(loaded) == 2  # one batch: what was trained on before is not loaded again


def test_resumed_segmentor_is_equal(tiny_seg_config, shapes, tmp_path):
    """Its sampler never ends; OneDL's can skip by itself, which would count the skipped images twice."""
    options = {
        'train_dataloader.num_workers': 1,
        'train_cfg.val_interval': 100,
        'default_hooks.checkpoint.interval': 3,
        'log_level': 'ERROR',
    }
    weights = []
    for name, resume in (('whole', None), ('resumed', str(tmp_path / 'whole' / 'iter_3.pth'))):
        work_dir = str(tmp_path / name)
        train(
            tiny_seg_config,
            data=str(shapes),
            img_scale=(64, 64),
            iters=5,
            work_dir=work_dir,
            resume=resume,
            cfg_options=options,
        )
        weights.append(load_from_file(f'{work_dir}/iter_5.pth')['state_dict'])
    assert_equal(*weights)


def test_other_randomness_is_kept(tiny_config, shapes, tmp_path, monkeypatch):
    seen = []

    def stop(cfg):
        seen.append(cfg.randomness)
        raise Stopped

    monkeypatch.setattr('mmengine.runner.Runner.from_cfg', stop)
    with pytest.raises(Stopped):
        train(
            tiny_config,
            data=str(shapes),
            work_dir=str(tmp_path),
            seed=3,
            cfg_options={'randomness.deterministic': True},
        )
    assert seen == [dict(deterministic=True, seed=3)]
