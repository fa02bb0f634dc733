"""Random draws that depend on the seed and the position in a training run, not on what was drawn before."""

import random

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from .config_tree import add_hook

EPOCH, ITERATION, SAMPLE, SUBSTITUTE = range(4)  # what the numbers of a position count
_LOOPS = {'EpochBasedTrainLoop': 'PositionedEpochLoop', 'IterBasedTrainLoop': 'PositionedTrainLoop'}


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
    add_hook(cfg, 'ReseedHook', seed=seed)
    cfg.train_dataloader.persistent_workers = False
    cfg.train_dataloader.pop('worker_init_fn', None)  # of an earlier version
    by_epoch = cfg.train_cfg.pop('by_epoch', True)
    loop = cfg.train_cfg.get('type', 'EpochBasedTrainLoop' if by_epoch else 'IterBasedTrainLoop')
    cfg.train_cfg.type = _LOOPS.get(loop, loop)


@HOOKS.register_module()
class ReseedHook(Hook):
    """Makes what is drawn at the start of an epoch, and in the model (drop path), a function of seed and position.

    What augmentation draws has seeds of its own (:class:`~mmbackbones.engine.loops.positions.PositionedDataset`).

    Args:
        seed: The seed of the run.
    """

    priority = 'VERY_HIGH'

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def before_train_epoch(self, runner) -> None:
        seed_all(self.seed, EPOCH, runner.epoch, get_rank())

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        seed_all(self.seed, ITERATION, runner.iter, get_rank())
