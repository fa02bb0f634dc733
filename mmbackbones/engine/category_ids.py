"""The number of each class in the training data, by which predictions are written."""

from typing import Any

from ..datasets.checks.label_maps import MAX_LABEL
from ..weights import trained_category_ids
from .label_options import trained_labels


def ids_in_annotations(dataset: Any) -> tuple[int, ...] | None:
    """The category id of each class in the annotation file that a data set was read from, in label order.

    Args:
        dataset: A data set of MMEngine, wrapped or not; of several in one, the first counts, as for their classes.

    Returns:
        None: The data set has no ids, or others than one for each of its classes.
    """
    while not hasattr(dataset, 'cat_ids'):
        inner = getattr(dataset, 'dataset', None) or next(iter(getattr(dataset, 'datasets', None) or ()), None)
        if inner is None:
            return None
        dataset = inner
    ids = dataset.cat_ids
    sound = len(ids) == len(dataset.metainfo.get('classes') or ()) and all(type(number) is int for number in ids)
    return tuple(ids) if sound else None


def category_ids(content: Any, classes: int, segmentor: bool) -> tuple[int, ...]:
    """The number of each class in the data that a checkpoint was trained on, in label order.

    Where the checkpoint does not say, ids are counted from 1, as COCO's are, and values in label maps from 0, or from 1
    if the checkpoint says that label 0 is ignored.

    Args:
        content: Content of the checkpoint.
        classes: Number of classes.
        segmentor: Whether they stand in label maps.
    """
    ids = trained_category_ids(content)
    fits = ids is not None and len(ids) == classes and (not segmentor or all(0 <= value <= MAX_LABEL for value in ids))
    if ids is not None and fits:
        return ids
    first = 0 if segmentor and trained_labels(content).get('background') != 'ignore' else 1
    return tuple(range(first, first + classes))
