"""Data sets are opened into the same arrays as by MMEngine, and give up each entry on the way."""

import numpy as np
from mmengine.dataset import BaseDataset

from mmbackbones.engine.lean_datasets import opening_leanly


class Entry:
    """An entry that says how many others its data set still holds when it is pickled."""

    def __init__(self, dataset, seen):
        self.dataset, self.seen = dataset, seen

    def __reduce__(self):
        self.seen.append(len(self.dataset.data_list))
        return str, ('entry',)


def listed(count):
    dataset = BaseDataset(lazy_init=True)
    dataset.data_list = [dict(img_path=f'{number}.jpg', instances=[dict(bbox=[number] * 4)]) for number in range(count)]
    return dataset


def test_the_arrays_are_those_of_mmengine():
    for count in (1, 3):
        expected = listed(count)._serialize_data()
        with opening_leanly():
            dataset = listed(count)
            found = dataset._serialize_data()
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)
        assert not dataset.data_list


def test_entries_are_given_up_one_by_one():
    dataset, seen = BaseDataset(lazy_init=True), []
    dataset.data_list = [Entry(dataset, seen) for _ in range(3)]
    with opening_leanly():
        dataset._serialize_data()
    assert seen == [2, 1, 0]
