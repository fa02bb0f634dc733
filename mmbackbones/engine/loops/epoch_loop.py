"""Training loop counted in epochs, which can resume in the middle of one."""

from contextlib import closing

from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop

from .positions import Positions, load


@LOOPS.register_module()
class PositionedEpochLoop(EpochBasedTrainLoop):
    """MMEngine's ``EpochBasedTrainLoop``, with data that is a function of seed and iteration.

    It can be resumed at any iteration: the batches of the epoch that were trained on are skipped by index, without
    loading them. Data workers are restarted for each epoch. Takes the arguments of ``EpochBasedTrainLoop``.

    Attributes:
        problems: What went wrong with samples of the current batch.
    """

    problems: tuple[str, ...] = ()

    def run_epoch(self) -> None:
        """Train for one epoch, or for what is left of it."""
        runner, length = self.runner, len(self.dataloader)
        runner.call_hook('before_train_epoch')
        runner.model.train()
        begin = self._epoch * length
        positions = Positions(self.dataloader.batch_sampler, self._iter, begin + length, self._epoch, begin)
        with closing(load(self.dataloader, positions, runner.seed)) as batches:
            for place, (batch, problems) in enumerate(batches, self._iter - begin):
                self.problems = problems
                self.run_iter(place, batch)
        runner.call_hook('after_train_epoch')
        self._epoch += 1
