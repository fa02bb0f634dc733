"""The verb ``check-data``: a check of a data folder."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory

from ..datasets import has_boxes, has_label_maps, load_detection, load_segmentation
from ..datasets.checks.masks import MaskError
from ..datasets.formats import describe, find_format
from ..errors import UserError
from ..utils.paths import absolute


def check_data(root: str, background: str | None = None, ignore_label: int | None = None) -> Iterator[str]:
    """Check a folder as a training run would before its first iteration.

    Args:
        root: A folder in any of the known formats; one that holds boxes and label maps is checked for both.
        background: How label maps are numbered, as in :func:`~mmbackbones.apis.train`.
        ignore_label: Label whose pixels are ignored in label maps.

    Yields:
        One line of text per finding, and at the end of each task which models can be trained on the data.

    Raises:
        UserError: The folder is in no known format, or a training run would refuse it.
    """
    path = absolute(root)
    boxes, label_maps = has_boxes(path), has_label_maps(path)
    if not label_maps and (background is not None or ignore_label is not None):
        raise UserError(
            f'--background and --ignore-label say how label maps are read, but {path} holds none; '
            f'the formats with label maps are:\n{describe("label maps")}'
        )
    if not boxes and not label_maps:
        find_format(path)  # raises a UserError that lists the formats
    with TemporaryDirectory() as out_dir:
        if label_maps:
            yield from load_segmentation(path, out_dir, background=background, ignore_label=ignore_label).notes
            yield 'ready for UperNet and Semantic FPN'
        if boxes:
            try:
                yield from load_detection(path, out_dir, masks=True).notes
                yield 'ready for RetinaNet, and for Mask R-CNN'
            except MaskError as error:
                yield from load_detection(path, out_dir).notes
                yield f'ready for RetinaNet; not for Mask R-CNN: {error}'
