"""Batch sizes are set and checked."""

import pytest
from mmengine.config import Config

from mmbackbones import get_config
from mmbackbones.engine.batch import check_step_size, require_full_batches, set_batch
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow


@pytest.mark.parametrize('batch_size', [None, 7])
def test_set_batch(batch_size):
    cfg = get_config('retinanet_van_b')
    set_batch(cfg, batch_size, 3)
    assert (cfg.train_dataloader.batch_size, cfg.optim_wrapper.accumulative_counts) == (batch_size or 2, 3)


@pytest.mark.parametrize(
    ('config', 'batch_size', 'processes', 'message'),
    [
        ('upernet_van_t', 1, 1, 'a batch of 1 image is too small: the pyramid pooling'),
        ('upernet_van_t', 1, 2, None),
        ('upernet_van_t', 2, 1, None),
        ('semantic_fpn_van_t', 1, 1, None),
    ],
)
def test_pyramid_pooling_needs_two_images(config, batch_size, processes, message):
    cfg = get_config(config)
    cfg.train_dataloader.batch_size = batch_size
    if message:
        with pytest.raises(UserError, match=message):
            require_full_batches(cfg, processes)
    else:
        require_full_batches(cfg, processes)
        assert cfg.train_dataloader.drop_last


@pytest.mark.parametrize(
    ('batch_size', 'processes', 'accumulate', 'used'),
    [
        (9, 1, 1, '9 (9 images per batch)'),
        (4, 1, 3, '12 (4 images per batch x 3 batches per step)'),
        (2, 3, 2, '12 (2 images per batch x 3 processes x 2 batches per step)'),
        (1, 9, 1, '9 (1 image per batch x 9 processes)'),
        (8, 1, 1, None),
        (2, 2, 2, None),
    ],
)
def test_step_larger_than_the_data(batch_size, processes, accumulate, used):
    cfg = Config(dict(train_dataloader=dict(batch_size=batch_size), optim_wrapper=dict(accumulative_counts=accumulate)))
    if used:
        with pytest.raises(UserError) as error:
            check_step_size(cfg, 8, processes)
        assert f'there are 8 training images, and one step would take {used}: use' in str(error.value)
    else:
        assert check_step_size(cfg, 8, processes) is None
