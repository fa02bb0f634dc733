"""``--batch-size auto``: a run with the number that is found is one that was given that number."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config

import mmbackbones as mmb
from mmbackbones.engine.batch import smallest_batch
from mmbackbones.engine.trials import batch_size as module
from mmbackbones.engine.trials.batch_size import check_batch_search, choose_batch_size
from mmbackbones.engine.trials.cpu_memory import can_measure, measure_on_cpu
from mmbackbones.errors import RunFailed, UserError
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal

MIB = 2**20
HOST = 'node-1'


def device_of(capacity: int, per_image: int = 10 * MIB):
    """In place of a device: memory that grows with the images of a batch, which is made but not computed."""

    def measure(steps) -> int | None:
        used = MIB + per_image * len(steps.args[1]()['inputs'])
        return used if used <= capacity else None

    return lambda shared: (measure, capacity // shared)


@pytest.fixture
def cfg(tiny_config, shapes) -> Config:
    cfg = Config.fromfile(tiny_config)
    cfg.train_dataloader.update(persistent_workers=False)
    cfg.train_dataloader.dataset.update(
        data_root='',
        ann_file=str(shapes / 'annotations/train.json'),
        data_prefix=dict(img=f'{shapes}/images/'),
        filter_cfg=None,
        metainfo=dict(classes=('circle', 'square', 'triangle')),
    )
    cfg.auto_scale_lr = dict(enable=True, base_batch_size=4)
    return cfg


class TestChoice:
    @pytest.mark.parametrize(
        ('capacity', 'accumulate', 'size', 'said'),
        [
            (50, 1, 4, '4 images per batch take up to 0.04 GiB of the 0.0488 GiB that are available (82%); learning'),
            (50, 3, 2, '(42%); one step takes 6 of the 8 training images (give a number for smaller ones); '),
            (500, 1, 8, '8 images per batch take up to 0.0791 GiB of the 0.488 GiB that are available (16%); one step'),
        ],
    )
    def test_size(self, cfg, capacity, accumulate, size, said, monkeypatch, logged):
        told = logged(module.__name__)
        monkeypatch.setattr(module, '_device', device_of(capacity * MIB))
        cfg.optim_wrapper.accumulative_counts = accumulate
        choose_batch_size(cfg)
        assert cfg.train_dataloader.batch_size == size
        assert said in told[-1]
        assert told[-1].endswith(f'learning rate {cfg.optim_wrapper.optimizer.lr * size / 4:.2g}')

    def test_not_even_one_image(self, cfg, monkeypatch):
        monkeypatch.setattr(module, '_device', device_of(10 * MIB))
        with pytest.raises(UserError, match='^--batch-size auto: 1 image per batch would take more than the 0.00977 '):
            choose_batch_size(cfg)
        monkeypatch.setattr(module, '_device', device_of(12 * MIB))
        with pytest.raises(UserError, match='would take 0.0107 GiB of the 0.0117 GiB .* up to 90% may be used: use a'):
            choose_batch_size(cfg)

    def test_the_same_in_all_processes(self, cfg, monkeypatch):
        monkeypatch.setattr(module, '_device', device_of(500 * MIB))
        monkeypatch.setattr(module, 'get_world_size', lambda: 2)
        others = [(module.Found(3, 40 * MIB), 44 * MIB, None)]
        monkeypatch.setattr(module, 'all_gather_object', lambda mine: [mine, *others] if mine != HOST else [HOST] * 2)
        monkeypatch.setattr(module, 'platform', SimpleNamespace(node=lambda: HOST))
        choose_batch_size(cfg)
        assert cfg.train_dataloader.batch_size == 3
        others[0] = (None, None, 'no space left')
        with pytest.raises(RunFailed, match='^another process failed: no space left$'):
            choose_batch_size(cfg)

    def test_where_memory_cannot_be_measured(self, monkeypatch):
        monkeypatch.setattr(module, 'get_device', lambda: 'mps')
        with pytest.raises(UserError, match='^--batch-size auto needs an NVIDIA GPU, or a CPU under Linux; on '):
            check_batch_search()
        monkeypatch.setattr(module, 'get_device', lambda: 'cuda')
        check_batch_search()


@pytest.mark.parametrize(
    ('model', 'scope', 'processes', 'drop_last', 'least'),
    [
        (dict(pool_scales=(1, 2)), 'mmseg', 1, True, 2),
        (dict(pool_scales=(1, 2)), 'mmseg', 2, True, 1),
        (dict(), 'mmseg', 1, True, 1),
        (dict(), 'mmdet', 1, False, 1),
        (dict(), 'mmdet', 1, True, 2),
    ],
)
def test_smallest_batch(model, scope, processes, drop_last, least):
    cfg = Config(dict(model=dict(head=model), default_scope=scope, train_dataloader=dict(drop_last=drop_last)))
    assert smallest_batch(cfg, processes) == least


@pytest.mark.slow
class TestRun:
    @pytest.fixture(scope='class')
    def runs(self, tiny_config, shapes, tmp_path_factory):
        """Trains from Python: ``train(name, batch_size, ...)`` returns the checkpoint."""
        folder = tmp_path_factory.mktemp('runs')

        def train(name: str, batch_size: int | str, **options) -> dict:
            run = mmb.train(
                tiny_config,
                data=shapes,
                img_scale=(64, 64),
                batch_size=batch_size,
                work_dir=folder / name,
                cfg_options={'train_dataloader.num_workers': 0, 'train_dataloader.persistent_workers': False},
                **options,
            )
            return load_from_file(run.checkpoint, 'cpu')

        return train

    def test_weights_are_those_of_the_given_number(self, runs, monkeypatch):
        """And a resumed run takes the number from its checkpoint, whatever memory there is now."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, '_device', device_of(40 * MIB))
            found = runs('auto', 'auto', iters=2)
        assert found['meta']['settings']['batch_size'] == 3
        assert_equal(found['state_dict'], runs('given', 3, iters=2)['state_dict'])
        monkeypatch.setattr('mmbackbones.engine.arguments.choose_batch_size', None)
        resumed = runs('auto', 'auto', iters=4, resume='auto')
        assert resumed['meta']['settings']['batch_size'] == 3
        assert resumed['meta']['iter'] == 4

    @pytest.mark.skipif(not can_measure(), reason='Linux only')
    def test_real_memory(self, runs, monkeypatch):
        """Nearly all that there is said to be is used, for real."""
        used: list[int | None] = []

        def measure(steps, available):
            used.append(measure_on_cpu(steps, available))
            return used[-1]

        monkeypatch.setattr(module, 'available_memory', lambda: 150 * MIB)
        monkeypatch.setattr(module, 'measure_on_cpu', measure)
        size = runs('real', 'auto', iters=1)['meta']['settings']['batch_size']
        assert 1 <= size <= 8
        assert max(number for number in used if number) <= 150 * MIB
