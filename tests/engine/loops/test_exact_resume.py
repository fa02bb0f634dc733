"""Runs that go on from the middle of an epoch and of an accumulation end as uninterrupted ones, bit by bit."""

import pytest
from mmdet.datasets import CocoDataset
from mmengine.config import Config

from mmbackbones.engine.training import run_training
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal
from tests.helpers.results import steady_rows

pytestmark = pytest.mark.slow

LENGTHS = dict(epochs=2, iters=8)  # of 4 iterations each


@pytest.fixture(scope='module')
def start(shapes):
    """Trains for 8 iterations, with a validation after 4 of them and checkpoints after 5 and 8."""

    def start_training(config, unit, work_dir, workers, **more):
        options = {
            'train_dataloader.num_workers': workers,
            'default_hooks.checkpoint.by_epoch': False,
            'default_hooks.checkpoint.interval': 5,
            'log_level': 'ERROR',
        }
        if unit == 'iters':
            options['train_cfg.val_interval'] = 4
        return run_training(
            config,
            data=str(shapes),
            img_scale=(64, 64),
            work_dir=str(work_dir),
            cfg_options=options,
            **{unit: LENGTHS[unit]},
            **more,
        )

    return start_training


@pytest.fixture
def loaded(monkeypatch):
    """Indices of the training images that this process loads: a list that grows."""
    indices, load = [], CocoDataset.__getitem__

    def count(self, index):
        if not self.test_mode:
            indices.append(index)
        return load(self, index)

    monkeypatch.setattr(CocoDataset, '__getitem__', count)
    return indices


def assert_same_end(one, other):
    first, second = (load_from_file(folder / 'iter_8.pth') for folder in (one, other))
    assert_equal(first['state_dict'], second['state_dict'])
    assert_equal(first['optimizer'], second['optimizer'])
    assert_equal(first.get('ema_state_dict', {}), second.get('ema_state_dict', {}))
    assert [first['meta'][key] for key in ('epoch', 'iter')] == [second['meta'][key] for key in ('epoch', 'iter')]
    assert steady_rows(one) == steady_rows(other)
    assert first['record'] == second['record']
    assert [path.name for path in one.glob('best_*')] == [path.name for path in other.glob('best_*')]


@pytest.mark.parametrize(
    ('model', 'unit', 'workers', 'accumulate', 'ema'),
    [
        ('tiny_config', 'epochs', (0, 2), 3, False),  # in the uninterrupted and in the resumed run
        ('tiny_config', 'iters', (2, 0), 1, True),
        ('tiny_mask_config', 'epochs', (2, 0), 1, True),
        ('tiny_mask_config', 'iters', (0, 2), 3, False),
        ('tiny_seg_config', 'epochs', (0, 2), 1, False),
        ('tiny_seg_config', 'iters', (0, 2), 3, True),
    ],
)
def test_resumed_run_is_equal(model, unit, workers, accumulate, ema, start, loaded, request, tmp_path):
    config, whole, resumed = request.getfixturevalue(model), tmp_path / 'whole', tmp_path / 'resumed'
    more = dict(accumulate=accumulate, ema=ema, early_stop=9)
    start(config, unit, whole, workers[0], **more)
    held = load_from_file(whole / 'iter_5.pth').get('accumulated_gradients', {}).get('batches')
    assert held == (2 if accumulate == 3 else None)
    loaded.clear()
    start(config, unit, resumed, workers[1], **more, resume=str(whole / 'iter_5.pth'))
    assert_same_end(whole, resumed)
    if not workers[1]:
        assert len(loaded) == 6  # what was trained on before is not loaded again


class Stopped(BaseException):
    """Ends a training run, for a test."""


def test_other_randomness_is_kept(tiny_config, shapes, tmp_path, monkeypatch):
    seen = []

    def stop(cfg: Config):
        seen.append(cfg.randomness)
        raise Stopped

    monkeypatch.setattr('mmengine.runner.Runner.from_cfg', stop)
    with pytest.raises(Stopped):
        run_training(
            tiny_config,
            data=str(shapes),
            work_dir=str(tmp_path),
            seed=3,
            cfg_options={'randomness.deterministic': True},
        )
    assert seen == [dict(deterministic=True, seed=3)]
