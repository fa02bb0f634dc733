"""Data sets that are opened without holding all of their annotations twice."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
from mmengine.dataset import BaseDataset


@contextmanager
def opening_leanly() -> Iterator[None]:
    """Within the block, free each entry of a data set as soon as it is in the array that data workers share.

    MMEngine's data sets keep all of them, and all pieces of the array, until the array is complete: at COCO's size
    another gigabyte at the peak.
    """
    with patch.object(BaseDataset, '_serialize_data', _serialize):
        yield


def _serialize(dataset: BaseDataset) -> tuple[np.ndarray, np.ndarray]:
    """What ``BaseDataset._serialize_data`` returns: all entries, one after the other, and where each of them ends."""
    content, ends = bytearray(), []
    dataset.data_list.reverse()
    while dataset.data_list:
        content += pickle.dumps(dataset.data_list.pop(), protocol=4)
        ends.append(len(content))
    return np.frombuffer(content, np.uint8), np.array(ends, np.int64)
