"""Segmentation data set that is a list of images and their label maps."""

from collections.abc import Sequence
from typing import Any

from mmengine.fileio import load
from mmengine.registry import DATASETS
from mmseg.datasets import BaseSegDataset

from .checks.label_maps import IGNORE_INDEX


@DATASETS.register_module()
class PairedSegDataset(BaseSegDataset):
    """Images and label maps of any folders and formats.

    The data sets of MMSegmentation need all images to have one suffix, and all label maps to be in one folder.

    Args:
        labels: The class number in `metainfo` of each class number in the files. Default: they are the same.
        ignore_label: Pixels of this label are ignored, as those of 255 always are.
        reduce_zero_label: Whether label 0 is ignored and label n is class number n - 1; otherwise n is class number n.
        **kwargs: Arguments of :class:`mmseg.datasets.BaseSegDataset`. Its `ann_file` is JSON: ``[[image, label map],
            ...]``.
    """

    def __init__(
        self,
        labels: Sequence[int] | None = None,
        ignore_label: int | None = None,
        reduce_zero_label: bool = True,
        **kwargs: Any,
    ) -> None:
        self.labels = dict(enumerate(labels or ()))
        if ignore_label is not None and reduce_zero_label <= ignore_label < IGNORE_INDEX:  # else ignored anyway
            self.labels[ignore_label - reduce_zero_label] = IGNORE_INDEX
        super().__init__(reduce_zero_label=reduce_zero_label, **kwargs)
        self._metainfo['ignore_label'] = ignore_label  # checkpoints keep both, so that tests read labels the same way

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
