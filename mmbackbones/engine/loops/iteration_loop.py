"""Training loop counted in iterations, which can resume at any of them."""

from contextlib import closing

from mmengine.registry import LOOPS
from mmengine.runner import BaseLoop, IterBasedTrainLoop
from mmengine.runner.utils import calc_dynamic_intervals
from torch.nn import Module
from torch.utils.data import DataLoader

from .positions import Positions, load


@LOOPS.register_module()
class PositionedTrainLoop(IterBasedTrainLoop):
    """MMEngine's ``IterBasedTrainLoop``, with data that is a function of seed and iteration.

    The images of a batch follow from the order of the sampler; what augmentation draws follows from the position of the
    sample in the training run, whichever process loads it. So neither the number of workers nor the iteration at which
    the run was resumed makes a difference. A resumed run skips the samples it has seen by index, without loading them.

    Args:
        runner: The runner.
        dataloader: Loader of the training data, or its config.
        max_iters: Length of the training run.
        val_begin: First iteration after which there may be a validation.
        val_interval: Iterations between validations.
        dynamic_intervals: Pairs (iteration, interval) from which on another interval applies.

    Attributes:
        problems: What went wrong with samples of the current batch.
    """

    problems: tuple[str, ...] = ()

    def __init__(
        self,
        runner,
        dataloader: DataLoader | dict,
        max_iters: int,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: list[tuple[int, int]] | None = None,
    ) -> None:
        # IterBasedTrainLoop's own constructor starts data workers, which would load from the first iteration on.
        BaseLoop.__init__(self, runner, dataloader)
        self._max_iters = max_iters
        self._max_epochs = 1  # to hooks the whole run is one epoch
        self._epoch = self._iter = 0
        self.val_begin, self.val_interval = val_begin, val_interval
        self.dynamic_milestones, self.dynamic_intervals = calc_dynamic_intervals(val_interval, dynamic_intervals)
        self.stop_training = False  # set by EarlyStoppingHook
        runner.visualizer.dataset_meta = getattr(self.dataloader.dataset, 'metainfo', None)

    def run(self) -> Module:
        """Train to the end, with validations, and return the model."""
        runner = self.runner
        runner.call_hook('before_train')
        runner.call_hook('before_train_epoch')
        positions = Positions(self.dataloader.batch_sampler, self._iter, self._max_iters)
        with closing(load(self.dataloader, positions, runner.seed)) as batches:
            while self._iter < self._max_iters and not self.stop_training:
                runner.model.train()
                batch, self.problems = next(batches)
                self.run_iter(batch)
                self._decide_current_val_interval()
                if (
                    runner.val_loop is not None
                    and self._iter >= self.val_begin
                    and (self._iter % self.val_interval == 0 or self._iter == self._max_iters)
                ):
                    runner.val_loop.run()
        runner.call_hook('after_train_epoch')
        runner.call_hook('after_train')
        return runner.model
