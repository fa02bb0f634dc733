"""A segmentation data set that is a list."""
from collections.abc import Sequence

from mmengine.fileio import load
from mmengine.registry import DATASETS
from mmseg.datasets import BaseSegDataset


@DATASETS.register_module()
class PairedSegDataset(BaseSegDataset):
    """Images and label maps wherever they lie, in whatever formats; label 0 is ignored, n is class n - 1.

    MMSegmentation's own wants all images of one suffix and all label maps in one folder.

    Args:
        ann_file: JSON: ``[[image, label map], ...]``.
        labels: For each class number in the files the one in `metainfo`, where these differ.
        Others: As MMSegmentation's.
    """

    def __init__(self, labels: Sequence[int] | None = None, **kwargs) -> None:
        self.labels = dict(enumerate(labels)) if labels else None
        super().__init__(reduce_zero_label=True, **kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=image, seg_map_path=label_map, label_map=self.labels, reduce_zero_label=True,
                     seg_fields=[]) for image, label_map in load(self.ann_file)]
