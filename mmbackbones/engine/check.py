"""Checking a data folder, as ``tools/check_data.py`` does it."""
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from ..data import has_boxes, has_label_maps, load_detection, load_segmentation
from ..data.masks import MaskError


def check_data(root: str) -> Iterator[str]:
    """Check a folder as a training would before its first iteration, and say what was found, line by line.

    Args:
        root: A folder in any of the known layouts; one that holds boxes and label maps is checked for both.

    Raises:
        UserError: The folder is in no known layout, or a training would refuse it.
    """
    path = Path(root).absolute()
    with TemporaryDirectory() as out_dir:
        if has_label_maps(path):
            yield from load_segmentation(path, out_dir).notes
            yield 'ready for UperNet and Semantic FPN'
        if has_boxes(path) or not has_label_maps(path):
            try:
                yield from load_detection(path, out_dir, masks=True).notes
                yield 'ready for RetinaNet, and for Mask R-CNN'
            except MaskError as error:
                yield from load_detection(path, out_dir).notes
                yield f'ready for RetinaNet; not for Mask R-CNN: {error}'
