"""Image files that can no longer be read, found while a data set loads them."""

import os
from collections.abc import Iterator
from typing import Any

from mmengine.dataset import BaseDataset
from torch.utils.data import Dataset

from ..datasets.checks.images import image_damage
from ..errors import printable, summarize_error

_ENDS = {
    b'\xff\xd8': b'\xff\xd9',
    b'\x89P': b'IEND\xaeB`\x82',
}  # first two bytes of JPEG and PNG files -> the last ones
# What a loader adds to a sample -> where the sample says which file that comes from.
_PATHS = {'img': 'img_path', 'gt_seg_map': 'seg_map_path'}
_NOT_DECODED = 'failed to load image'  # MMCV's error where OpenCV gives nothing


class UnreadableFile(Exception):
    """A file of the data set that was fine when the data was checked; the message says which, and what is wrong now."""


class WatchedSamples:
    """``prepare_data`` of a data set of MMEngine, which raises :class:`UnreadableFile` for what is wrong with a file.

    All other errors, such as those of a step of the pipeline that does not fit to the data, stay as they are.

    Args:
        dataset: The data set.
        checked: Whether the data was checked before: then sizes that differ from the annotations, and images whose
            file lacks its end, are errors, too.
    """

    def __init__(self, dataset: BaseDataset, checked: bool) -> None:
        self.dataset, self.checked = dataset, checked

    def __call__(self, index: int) -> Any:
        """The sample of an index, as the pipeline makes it; None if the pipeline has no use for it."""
        sample: Any = self.dataset.get_data_info(index)
        paths = {key: sample[name] for key, name in _PATHS.items() if isinstance(sample.get(name), str)}
        stated = sample.get('width'), sample.get('height')
        for transform in self.dataset.pipeline.transforms:
            missing = [key for key in paths if key not in sample]
            try:
                sample = transform(sample)
            except Exception as error:
                if missing and (said := _damage(paths[missing[0]], error)):
                    raise UnreadableFile(said) from error
                raise
            if sample is None:
                return None
            for key in missing if self.checked and type(transform).__name__.startswith('Load') else ():
                if key in sample and (said := _difference(paths[key], key, sample, stated)):
                    raise UnreadableFile(said)
        return sample


def watch_files(dataset: Dataset, checked: bool) -> None:
    """Have a data set raise :class:`UnreadableFile`.

    Args:
        dataset: A data set of MMEngine, MMDetection or MMSegmentation, with or without wrappers; changed in place.
            Others are left alone.
        checked: See :class:`WatchedSamples`.
    """
    for inner in _innermost(dataset):
        inner.prepare_data = WatchedSamples(inner, checked)


def _innermost(dataset: Any) -> Iterator[BaseDataset]:
    if isinstance(dataset, BaseDataset):
        if type(dataset).prepare_data is BaseDataset.prepare_data and hasattr(dataset.pipeline, 'transforms'):
            yield dataset
        return
    for inner in getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]:
        if inner is not None:
            yield from _innermost(inner)


def _damage(path: str, error: Exception) -> str | None:
    """What is wrong with a file that was to be loaded next; None if it is fine, and the error is another one."""
    if '://' not in path:
        if not os.path.exists(path):
            return printable(f'{path} no longer exists')
        if said := image_damage(path):
            return printable(f'{path} cannot be read: {said}')
    if not isinstance(error, OSError) and _NOT_DECODED not in str(error):
        return None
    return printable(f'{path} cannot be read: {summarize_error(error)}')


def _difference(path: str, key: str, sample: dict[str, Any], stated: tuple[Any, Any]) -> str | None:
    """How an image or label map that was just loaded differs from the one that was checked."""
    height, width = sample['ori_shape'] if key == 'img' else sample[key].shape[:2]
    if key != 'img' and sample[key].ndim > 2:
        return printable(f'{path} has colors in place of labels')
    expected, whose = (stated, 'annotations say') if key == 'img' else (sample['ori_shape'][::-1], 'image has')
    if None not in expected and (width, height) != tuple(expected):
        return printable(f'{path} has {width}x{height} pixels, not {expected[0]}x{expected[1]} as its {whose}')
    if not _is_whole(path) and (said := image_damage(path)):
        return printable(f'{path} cannot be read: {said}')
    return None


def _is_whole(path: str) -> bool:
    """Whether a JPEG or PNG file has its last bytes; without them, OpenCV may show gray in place of what is missing."""
    try:
        with open(path, 'rb') as file:
            end = _ENDS.get(file.read(2))
            if end is None:
                return True
            file.seek(-len(end), os.SEEK_END)
            return file.read() == end
    except OSError:
        return True  # not a file of this machine, or removed since it was read
