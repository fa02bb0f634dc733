"""Random draws that depend on the seed and the position in a training run, not on what was drawn before."""

import random

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import FUNCTIONS, HOOKS

EPOCH, ITERATION, SAMPLE = range(3)  # what the numbers of a position count


def seed_all(seed: int, *position: int) -> None:
    """Seed the generators of Python, NumPy and PyTorch.

    Args:
        seed: The seed of the run.
        position: Any numbers of at least 0; another position is another state of the generators.
    """
    value = int(np.random.SeedSequence((seed, *position)).generate_state(1)[0])
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)


def depend_on_seed_only(cfg: Config, seed: int) -> None:
    """Make a training run a function of its seed, so that a killed and resumed run ends like an uninterrupted one.

    Args:
        cfg: The config that is run, complete but for the data; changed in place. ``randomness`` keeps its other
            entries.
        seed: Seed of every random draw.
    """
    cfg.randomness = {**cfg.get('randomness', {}), 'seed': seed}
    # The config in the work directory of an earlier training run has the hook already.
    others = [hook for hook in cfg.get('custom_hooks', []) if hook['type'] != 'ReseedHook']
    cfg.custom_hooks = [*others, dict(type='ReseedHook', seed=seed)]
    cfg.train_dataloader.persistent_workers = False
    cfg.train_dataloader.worker_init_fn = dict(type='keep_loader_seed')
    if cfg.train_cfg.get('type') == 'IterBasedTrainLoop' or cfg.train_cfg.get('by_epoch') is False:
        cfg.train_cfg.pop('by_epoch', None)
        cfg.train_cfg.type = 'PositionedTrainLoop'


@FUNCTIONS.register_module()
def keep_loader_seed(worker_id: int) -> None:
    """Leave the seed of a data worker as PyTorch set it.

    PyTorch seeds a worker's three generators from the main process at the start of each epoch; MMEngine's own function
    would undo that and give every epoch the same augmentation.
    """


@HOOKS.register_module()
class ReseedHook(Hook):
    """Makes shuffling, drop path and, in a run counted in epochs, augmentation a function of seed and position.

    Data workers take their seeds from here, if they are restarted for each epoch and use :func:`keep_loader_seed`.
    In a run counted in iterations each sample has its own seed (:class:`PositionedTrainLoop`).

    Args:
        seed: The seed of the run.
    """

    priority = 'VERY_HIGH'

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_train_epoch(self, runner) -> None:
        seed_all(self.seed, EPOCH, runner.epoch, get_rank())

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if 'max_iters' in runner.cfg.train_cfg:
            seed_all(self.seed, ITERATION, runner.iter, get_rank())
