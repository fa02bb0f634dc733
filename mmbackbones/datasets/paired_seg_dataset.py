"""Segmentation data set that is a list of images and their label maps."""

from collections.abc import Sequence
from typing import Any

from mmengine.fileio import load
from mmengine.registry import DATASETS
from mmseg.datasets import BaseSegDataset

from .checks.label_maps import IGNORE_INDEX

_AS_REDUCED = 'as reduce_zero_label'


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
