"""A short run of everything that a training run does, to see how long its parts take."""

import gc
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from math import ceil
from pathlib import Path
from time import monotonic
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import MMLogger

from ..lean_runner import LeanRunner
from ..processes.distributed import main_process_first
from ..schedule import fit_schedulers
from .plan import Speed
from .sparse_sampler import SparseSampler
from .traces import no_traces

_FOLDER = '.trial'  # in the work directory, so that checkpoints are written to the same disk
_SHARE = 0.05  # of the time budget that each of the two parts of a trial may take, and
_LONGEST = 60.0  # seconds
_FIRST = 3  # iterations that are not counted, beside those that data workers had time to prepare
_ENOUGH = 30  # iterations, if they take at least
_SECONDS = 5.0
_FAR = 10**6  # iterations, more than there will be


def try_run(cfg: Config, recipe: dict, hours: float) -> tuple[Speed, int]:
    """Train for some iterations with a model that is thrown away, validate it, and save checkpoints.

    Args:
        cfg: The config that is run, with its data, counted in iterations.
        recipe: The ``train_cfg`` that its schedules were written for.
        hours: The time budget.

    Returns:
        What the parts take, and the iterations of an epoch.
    """
    begin = monotonic()
    watch = _Watch(cfg, min(_LONGEST, 3600 * _SHARE * hours))
    folder = Path(cfg.work_dir) / _FOLDER
    with no_traces() as name, _thrown_away(folder):
        runner = _TrialRunner.from_cfg(_trial_config(cfg, recipe, folder, name))
        runner.register_hook(watch)
        runner.train()
        end = monotonic()
        images = len(runner.train_dataloader.dataset)
        epoch = ceil(images / (cfg.train_dataloader.batch_size * runner.world_size))
    del runner
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    return main_process_first(lambda: (watch.speed(begin, end), epoch))


def _trial_config(cfg: Config, recipe: dict, folder: Path, name: str) -> Config:
    cfg = deepcopy(cfg)
    cfg.work_dir = str(folder)
    cfg.experiment_name = cfg.visualizer.name = name  # for instances of its own
    cfg.train_cfg.update(max_iters=_FAR, val_interval=_FAR, val_begin=1)
    cfg.train_cfg.pop('dynamic_intervals', None)
    cfg.param_scheduler = fit_schedulers(cfg.get('param_scheduler') or [], recipe, cfg.train_cfg, 1)
    if checkpoint := cfg.default_hooks.get('checkpoint'):
        checkpoint.pop('out_dir', None)
        checkpoint.interval = _FAR
    if cfg.get('val_dataloader'):
        cfg.val_dataloader.sampler = dict(type=SparseSampler.__name__)
    return cfg


class _TrialRunner(LeanRunner):
    """A runner that logs nothing."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """The logger that drops what it gets."""
        return MMLogger.get_current_instance()


@contextmanager
def _thrown_away(folder: Path) -> Iterator[None]:
    """Remove a folder at the end of the block, and before it that of a command that was killed."""
    if is_main_process():
        shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    finally:
        if is_main_process():
            shutil.rmtree(folder, ignore_errors=True)


class _Watch(Hook):
    """Stops the time of iterations and of a validation, and ends the run when that is enough.

    Args:
        cfg: The config that is run.
        patience: Seconds that training, and validation, may take.
    """

    priority = 'HIGHEST'

    def __init__(self, cfg: Config, patience: float) -> None:
        self.patience = patience
        loader = cfg.train_dataloader
        self.batch_size = loader.batch_size
        ahead = loader.get('num_workers', 0) * (loader.get('prefetch_factor') or 2)
        self.first = _FIRST + ahead  # data that is waiting says nothing about how fast it is loaded
        self.ends: list[float] = []  # of iterations
        self.validation = [0.0, 0.0]  # begin and end
        self.part = 1.0  # of the images, that were validated

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.ends.append(monotonic())
        if len(self.ends) < 2 or runner.max_iters < _FAR:
            return
        counted, seconds = len(self.ends) - self.first, self.ends[-1] - self.ends[0]
        enough = counted >= _ENOUGH and self.ends[-1] - self.ends[self.first - 1] >= _SECONDS
        if main_process_first(lambda: enough or seconds >= self.patience):
            runner.train_loop._max_iters = runner.iter + 2  # the next is the last, with all that comes after one

    def before_val(self, runner) -> None:
        sampler, images = runner.val_dataloader.sampler, len(runner.val_dataloader.dataset)
        # Without gradients an image takes less time than in training.
        wanted = max(self.patience * self.batch_size / self.seconds_per_iteration(), 1)
        sampler.step = main_process_first(lambda: max(1, int(images / wanted)))
        self.part = max(len(list(sampler)), 1) / max(len(sampler), 1)

    def before_val_epoch(self, runner) -> None:
        self.validation[0] = monotonic()

    def after_val_epoch(self, runner, metrics=None) -> None:
        self.validation[1] = monotonic()

    def seconds_per_iteration(self) -> float:
        """The mean, because workers may deliver batches in bursts."""
        ends = self.ends[self.first - 1 :] if len(self.ends) > self.first else self.ends
        return max((ends[-1] - ends[0]) / max(len(ends) - 1, 1), 1e-6)

    def speed(self, begin: float, end: float) -> Speed:
        """What was found, by the times at which the run began and ended."""
        validation = self.validation[1] - self.validation[0]
        others = end - self.ends[-1] - validation  # checkpoints, tables and curves
        return Speed(self.ends[0] - begin, self.seconds_per_iteration(), validation / self.part + others)
