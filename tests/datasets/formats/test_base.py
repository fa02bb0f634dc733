"""What all formats share."""

import pytest

from mmbackbones.datasets.formats.base import assign_splits


@pytest.mark.parametrize(
    ('splits', 'assigned'),
    [
        ({'train': 'a'}, {('train', 'val'): 'a'}),
        ({'train': 'a', 'test': 'b'}, {('train', 'val'): 'a', ('test',): 'b'}),
        ({'train': 'a', 'val': 'b'}, {('train',): 'a', ('val',): 'b'}),
        ({'val': 'b', 'test': 'c'}, {('val',): 'b', ('test',): 'c'}),
        ({}, {}),
    ],
)
def test_train_serves_val_where_there_is_none(splits, assigned):
    assert assign_splits(splits) == assigned
    assert list(assign_splits(splits)) == list(assigned)
