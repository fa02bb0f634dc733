"""Batches of training data that are a function of the seed and the position in a run, whichever process loads them."""

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
from mmengine.dist import get_dist_info, get_rank
from torch.utils.data import DataLoader, Dataset, Sampler

from ..data_workers import signals_held
from ..seeding import EPOCH, SAMPLE, SUBSTITUTE, seed_all
from ..watched_files import UnreadableFile
from .image_sizes import keep_image_sizes

_ATTEMPTS = 8  # at reading another image in the place of one

Position = tuple[int, int, int]  # index in the data set, iteration, place in the batch of all processes


class Positions(Sampler):
    """Batches of positions, from an iteration on; those before it are skipped by index, and nothing of them is loaded.

    Where the sampler ends it begins again, shuffled by the number of the pass, so there is always another batch.

    Args:
        batches: The batch sampler of a loader.
        begin: The first iteration.
        end: The iteration before which to end.
        epoch: Number of the pass that is under way.
        epoch_begin: Iteration at which that pass began.
    """

    def __init__(self, batches: Sampler, begin: int, end: int, epoch: int = 0, epoch_begin: int = 0) -> None:
        self.batches, self.begin, self.end = batches, begin, end
        self.epoch, self.epoch_begin = epoch, epoch_begin
        self.rank, self.world_size = get_dist_info()
        keep_image_sizes(batches)

    def __iter__(self) -> Iterator[list[Position]]:
        sampler: Any = getattr(self.batches, 'sampler', None)
        iteration = before = self.epoch_begin
        for epoch in count(self.epoch):
            if hasattr(sampler, 'set_epoch'):  # samplers that end after each pass shuffle by its number
                sampler.set_epoch(epoch)
            batches = iter(self.batches)
            for batch in batches:
                if iteration >= self.begin:
                    yield self._positions(iteration, batch)
                iteration += 1
                if iteration >= self.end:
                    next(batches, None)  # a batch sampler may keep the images of its last batch until asked for another
                    return
            if iteration == before:
                return
            before = iteration

    def _positions(self, iteration: int, batch: Sequence[int]) -> list[Position]:
        # Samplers deal the images out in turn: so the place is the one that an image would have in a single process.
        return [(index, iteration, place * self.world_size + self.rank) for place, index in enumerate(batch)]


class EpochPositions(Sampler):
    """Batches of positions in epochs, each of which begins a pass of its own; see :class:`Positions`.

    Args:
        batches: The batch sampler of a loader.
        begin: The first iteration, in the first of the epochs.
        length: Number of iterations of an epoch.
        epochs: Numbers of the epochs.
        seed: The seed of the run.
    """

    def __init__(self, batches: Sampler, begin: int, length: int, epochs: range, seed: int) -> None:
        self.batches, self.begin, self.length = batches, begin, length
        self.epochs, self.seed = epochs, seed

    def __iter__(self) -> Iterator[list[Position]]:
        for epoch in self.epochs:
            # For samplers that draw from the common generators, and may be asked before the last epoch is over.
            seed_all(self.seed, EPOCH, epoch, get_rank())
            first = epoch * self.length
            yield from Positions(self.batches, max(self.begin, first), first + self.length, epoch, first)


class PositionedDataset(Dataset):
    """A data set that seeds the generators for the position of each sample in the training run.

    A sample comes with its problems: texts for the main process, none as a rule. Where a file can no longer be read,
    another sample takes the place of its own.

    Args:
        dataset: The data set of a loader, which has a length.
        seed: The seed of the run.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, position: Position) -> tuple[Any, tuple[str, ...]]:
        index, iteration, place = position
        seed_all(self.seed, SAMPLE, iteration, place)
        try:
            return self.dataset[index], ()
        except UnreadableFile as error:
            return self._substitute(str(error), iteration, place)

    def _substitute(self, problem: str, iteration: int, place: int) -> tuple[Any, tuple[str, ...]]:
        """Another sample for a position, which follows from it, too; raises UnreadableFile if it cannot be read."""
        problems = [problem]
        for attempt in range(_ATTEMPTS):
            seed_all(self.seed, SUBSTITUTE, iteration, place, attempt)
            try:
                return self.dataset[np.random.randint(len(self.dataset))], tuple(problems)
            except UnreadableFile as error:
                problems.append(str(error))
        raise UnreadableFile(f'{problem}, nor can any of {_ATTEMPTS} images that were drawn in its place be read')


class _Collate:
    """Collates samples as `collate` does, and what they carry for the main process beside them."""

    def __init__(self, collate: Callable[[list], Any]) -> None:
        self.collate = collate

    def __call__(self, samples: list[tuple[Any, tuple[str, ...]]]) -> tuple[Any, tuple[str, ...]]:
        batch = self.collate([sample for sample, _ in samples])
        return batch, tuple(problem for _, problems in samples for problem in problems)


def load(
    loader: DataLoader, positions: Positions | EpochPositions, seed: int
) -> Generator[tuple[Any, tuple[str, ...]], None, None]:
    """Load batches at positions of a run, each with the problems of its samples.

    Args:
        loader: Loader of the training data; its batch sampler is that of `positions`.
        positions: Which batches.
        seed: The seed of the run.

    Yields:
        A batch, as `loader` collates it, and its problems.
    """
    positioned = DataLoader(
        PositionedDataset(loader.dataset, seed),
        batch_sampler=positions,
        num_workers=loader.num_workers,
        collate_fn=_Collate(loader.collate_fn),
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        prefetch_factor=loader.prefetch_factor,
        multiprocessing_context=loader.multiprocessing_context,
    )
    with signals_held():
        batches = iter(positioned)
    for batch, problems in batches:
        yield batch, tuple(problems)  # pinning memory makes a list of them
