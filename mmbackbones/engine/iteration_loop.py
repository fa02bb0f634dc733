"""Training loop counted in iterations, which can resume at any of them."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.dist import get_rank
from mmengine.registry import LOOPS
from mmengine.runner import BaseLoop, IterBasedTrainLoop
from mmengine.runner.utils import calc_dynamic_intervals
from torch.nn import Module
from torch.utils.data import DataLoader, Dataset, Sampler

from .seeding import SAMPLE, seed_all


@LOOPS.register_module()
class PositionedTrainLoop(IterBasedTrainLoop):
    """MMEngine's ``IterBasedTrainLoop``, with data that is a function of seed, rank and iteration.

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
    """

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
        self._seed = runner.seed
        self.val_begin, self.val_interval = val_begin, val_interval
        self.dynamic_milestones, self.dynamic_intervals = calc_dynamic_intervals(val_interval, dynamic_intervals)
        self.stop_training = False  # set by EarlyStoppingHook
        runner.visualizer.dataset_meta = getattr(self.dataloader.dataset, 'metainfo', None)

    def run(self) -> Module:
        """Train to the end, with validations, and return the model."""
        runner = self.runner
        runner.call_hook('before_train')
        runner.call_hook('before_train_epoch')
        batches = iter(self._batches_from(self._iter))
        while self._iter < self._max_iters and not self.stop_training:
            runner.model.train()
            self.run_iter(next(batches))
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

    def _batches_from(self, iteration: int) -> DataLoader:
        loader = self.dataloader
        batches = _PositionedBatches(loader.batch_sampler, iteration)
        return DataLoader(
            _SeededDataset(loader.dataset, self._seed),
            batch_sampler=batches,
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn,
            pin_memory=loader.pin_memory,
            timeout=loader.timeout,
            worker_init_fn=loader.worker_init_fn,
            prefetch_factor=loader.prefetch_factor,
            multiprocessing_context=loader.multiprocessing_context,
        )


class _PositionedBatches(Sampler):
    """Endless batches of (index, iteration, place in the batch), from an iteration on."""

    def __init__(self, batches: Sampler, iteration: int) -> None:
        self.batches, self.iteration = batches, iteration

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        for iteration, batch in enumerate(islice(self._endless(), self.iteration, None), self.iteration):
            yield [(index, iteration, place) for place, index in enumerate(batch)]

    def _endless(self) -> Iterator[list[int]]:
        sampler: Any = getattr(self.batches, 'sampler', None)
        epoch = 0
        while True:
            yield from self.batches
            epoch += 1
            if hasattr(sampler, 'set_epoch'):  # samplers that end after each epoch shuffle by its number
                sampler.set_epoch(epoch)


class _SeededDataset(Dataset):
    """A data set that seeds the generators for the position of each sample in the training run."""

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self.dataset, self.seed = dataset, seed
        self.rank = get_rank()  # data workers may not know it

    def __getitem__(self, position: tuple[int, int, int]):
        index, iteration, place = position
        seed_all(self.seed, SAMPLE, iteration, place, self.rank)
        return self.dataset[index]
