"""Segmentation data set that is a list of images and their label maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from mmengine.fileio import load
from mmengine.registry import DATASETS
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations

from .checks.label_maps import IGNORE_INDEX, MAX_BYTE

_AS_REDUCED = 'as reduce_zero_label'
_LOADERS = ('LoadAnnotations', 'mmseg.LoadAnnotations')


class LoadByTable(LoadAnnotations):
    """MMSegmentation's reader of label maps, with one look into a table per pixel.

    MMSegmentation compares a label map with each value that is mapped, which takes longer than decoding it.
    """

    def _load_seg_map(self, results: dict[str, Any]) -> None:
        found = results | dict(label_map=None)
        super()._load_seg_map(found)
        table = np.arange(MAX_BYTE + 1, dtype=np.uint8)
        for label, index in results['label_map'].items():
            if 0 <= label <= MAX_BYTE:
                table[label] = index
        results['gt_seg_map'] = cv2.LUT(found['gt_seg_map'], table)


@DATASETS.register_module()
class PairedSegDataset(BaseSegDataset):
    """Images and label maps of any folders and formats.

    The data sets of MMSegmentation need all images to have one suffix, and all label maps to be in one folder.

    Args:
        labels: The class number in `metainfo` of each of the `values`; 255: its pixels are ignored.
        values: The values in the label maps that `labels` are for; all others stand for the class of their number (see
            `reduce_zero_label`). Default: consecutive ones, from the first class.
        ignore_label: If `values` are not given, pixels of this label are ignored, as those of 255 are.
        reduce_zero_label: Whether label 0 is ignored and label n is class number n - 1; otherwise n is class number n.
        background: Whether label 0 was read as a class of its own, ``class`` or ``ignore``; None: there is no such
            thing. Default: as `reduce_zero_label` says.
        **kwargs: Arguments of :class:`mmseg.datasets.BaseSegDataset`. Its `ann_file` is JSON: ``[[image, label map],
            ...]``.
    """

    def __init__(
        self,
        labels: Sequence[int] | None = None,
        values: Sequence[int] | None = None,
        ignore_label: int | None = None,
        reduce_zero_label: bool = True,
        background: str | None = _AS_REDUCED,
        **kwargs: Any,
    ) -> None:
        if values is None:
            self.labels = dict(enumerate(labels or ()))
            if ignore_label is not None and reduce_zero_label <= ignore_label < IGNORE_INDEX:  # else ignored anyway
                self.labels[ignore_label - reduce_zero_label] = IGNORE_INDEX
        else:
            self.labels = {value - reduce_zero_label: label for value, label in zip(values, labels or (), strict=True)}
        if self.labels and 'pipeline' in kwargs:
            kwargs['pipeline'] = _by_table(kwargs['pipeline'])
        super().__init__(reduce_zero_label=reduce_zero_label, **kwargs)
        if background == _AS_REDUCED:
            background = 'ignore' if reduce_zero_label else 'class'
        # Checkpoints keep them, so that tests read labels the same way.
        self._metainfo.update(background=background, ignore_label=ignore_label)

    def load_data_list(self) -> list[dict[str, Any]]:
        """What the pipeline needs of each image and its label map."""
        return [
            dict(
                img_path=image,
                seg_map_path=label_map,
                label_map=self.labels or None,
                reduce_zero_label=self.reduce_zero_label,
                seg_fields=[],
            )
            for image, label_map in load(self.ann_file, file_format='json')
        ]


def _by_table(steps: Any) -> Any:
    """A pipeline, or a part of one, that reads label maps with :class:`LoadByTable`; the config stays as it is."""
    if isinstance(steps, Mapping):
        step = {name: _by_table(value) for name, value in steps.items()}
        return step | dict(type=LoadByTable) if step.get('type') in _LOADERS else step
    return type(steps)(map(_by_table, steps)) if isinstance(steps, (list, tuple)) else steps
