"""Sampler: some images from all over a data set."""

from collections.abc import Iterator
from typing import Any

from mmengine.dataset import DefaultSampler
from mmengine.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class SparseSampler(DefaultSampler):
    """Every n-th image, in order.

    Attributes:
        step: The n; it may be set until the images are drawn.
    """

    def __init__(self, dataset: Any, **kwargs: Any) -> None:
        super().__init__(dataset, **{**kwargs, 'shuffle': False})
        self.step = 1

    def __iter__(self) -> Iterator[int]:
        yield from list(super().__iter__())[:: self.step]
