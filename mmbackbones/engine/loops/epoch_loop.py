"""Training loop counted in epochs, which can resume in the middle of one."""

from collections.abc import Generator
from typing import Any

from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop
from torch.nn import Module

from .kept_workers import may_keep_workers
from .positions import EpochPositions, load


@LOOPS.register_module()
class PositionedEpochLoop(EpochBasedTrainLoop):
    """MMEngine's ``EpochBasedTrainLoop``, with data that is a function of seed and iteration.

    It can be resumed at any iteration: the batches of the epoch that were trained on are skipped by index, without
    loading them. Data workers are started once and load the next epoch while the model is validated, unless something
    may change the data between epochs; see :func:`~mmbackbones.engine.loops.kept_workers.may_keep_workers`. Takes the
    arguments of ``EpochBasedTrainLoop``.

    Attributes:
        problems: What went wrong with samples of the current batch.
    """

    problems: tuple[str, ...] = ()
    _batches: Generator[tuple[Any, tuple[str, ...]], None, None] | None = None

    def run(self) -> Module:
        """Train to the end, with validations, and return the model."""
        try:
            return super().run()
        finally:
            self._end_workers()

    def run_epoch(self) -> None:
        """Train for one epoch, or for what is left of it."""
        runner, length = self.runner, len(self.dataloader)
        runner.call_hook('before_train_epoch')
        runner.model.train()
        keep = may_keep_workers(runner)
        if self._batches is None:
            epochs = range(self._epoch, self._max_epochs if keep else self._epoch + 1)
            positions = EpochPositions(self.dataloader.batch_sampler, self._iter, length, epochs, runner.seed)
            self._batches = load(self.dataloader, positions, runner.seed)
        places = range(self._iter - self._epoch * length, length)
        for place, (batch, problems) in zip(places, self._batches, strict=False):
            self.problems = problems
            self.run_iter(place, batch)
        if not keep:
            self._end_workers()
        runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _end_workers(self) -> None:
        if self._batches is not None:
            self._batches.close()
            self._batches = None
