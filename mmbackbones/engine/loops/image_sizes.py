"""Sizes of images for samplers that group images by their shape, without reading all annotations again and again."""

from typing import Any

from mmdet.datasets.samplers import AspectRatioBatchSampler
from torch.utils.data import Sampler


def keep_image_sizes(batches: Sampler) -> None:
    """Have a sampler that groups images by their shape ask the data set for the size of each image only once.

    MMDetection's asks in each pass through the data, and each time all annotations of the image are decoded: when a run
    is resumed after a hundred passes, that takes minutes.

    Args:
        batches: A batch sampler of any kind.
    """
    sampler: Any = getattr(batches, 'sampler', None)
    if type(batches) is AspectRatioBatchSampler and not isinstance(sampler.dataset, _Sizes):
        sampler.dataset = _Sizes(sampler.dataset)


class _Sizes:
    """Stands for a data set, of which it knows the sizes of the images that were asked for."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self._sizes: dict[int, dict[str, int]] = {}
        self._shared: dict[tuple[int, int], dict[str, int]] = {}  # most images have one of a few sizes

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__['dataset'], name)

    def get_data_info(self, index: int) -> dict[str, int]:
        if index not in self._sizes:
            info = self.dataset.get_data_info(index)
            size = info['width'], info['height']
            self._sizes[index] = self._shared.setdefault(size, dict(width=size[0], height=size[1]))
        return self._sizes[index]
