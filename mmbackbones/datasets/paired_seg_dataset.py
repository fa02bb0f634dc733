"""A segmentation data set that is a list."""

from collections.abc import Sequence

from mmengine.fileio import load
from mmengine.registry import DATASETS
from mmseg.datasets import BaseSegDataset


@DATASETS.register_module()
class PairedSegDataset(BaseSegDataset):
    """Images and label maps wherever they lie, in whatever formats.

    MMSegmentation's own wants all images of one suffix and all label maps in one folder.

    Args:
        ann_file: JSON: ``[[image, label map], ...]``.
        labels: For each class number in the files the one in `metainfo`, where these differ.
        ignore_label: Pixels of this label are ignored, as those of 255 always are.
        reduce_zero_label: Whether label 0 is ignored and n is class number n - 1; otherwise n is class number n.
        Others: As MMSegmentation's.
    """

    def __init__(
        self,
        labels: Sequence[int] | None = None,
        ignore_label: int | None = None,
        reduce_zero_label: bool = True,
        **kwargs,
    ) -> None:
        self.labels = dict(enumerate(labels or ()))
        if ignore_label is not None and reduce_zero_label <= ignore_label < 255:  # else it is ignored anyhow
            self.labels[ignore_label - reduce_zero_label] = 255
        super().__init__(reduce_zero_label=reduce_zero_label, **kwargs)
        self._metainfo['ignore_label'] = ignore_label  # both are in checkpoints then, for tests to read labels alike

    def load_data_list(self) -> list[dict]:
        return [
            dict(
                img_path=image,
                seg_map_path=label_map,
                label_map=self.labels or None,
                reduce_zero_label=self.reduce_zero_label,
                seg_fields=[],
            )
            for image, label_map in load(self.ann_file)
        ]
