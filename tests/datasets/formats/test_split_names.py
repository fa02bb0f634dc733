"""Usual names of splits."""

import pytest

from mmbackbones.datasets.formats.split_names import (
    describe_unused,
    find_splits,
    select_splits,
    split_of,
    split_of_place,
)
from mmbackbones.errors import UserError


@pytest.mark.parametrize(
    ('name', 'split'),
    [
        ('train', 'train'),
        ('Training', 'train'),
        ('VALID', 'val'),
        ('dev', 'val'),
        ('instances_val2017', 'val'),
        ('instances-eval-2014', 'val'),
        ('testing', 'test'),
        ('cats_val', None),
        ('value', None),
        ('val17', None),
        ('', None),
    ],
)
def test_split_of(name, split):
    assert split_of(name) == split


def test_usual_names_come_first():
    assert find_splits(['cats_val', 'val', 'test', 'train'], 'here') == {'train': 'train', 'val': 'val', 'test': 'test'}
    assert find_splits(['cats_val', 'cats_train'], 'here') == {'train': 'cats_train', 'val': 'cats_val'}
    assert list(find_splits(['val', 'train', 'test'], 'here')) == ['train', 'val', 'test']


def test_a_name_of_two_splits_is_none():
    assert find_splits(['train_val', 'trainval', 'classes'], 'here') == {}


@pytest.mark.parametrize('names', [['val', 'valid'], ['a_val', 'b_val']])
def test_two_names_for_one_split(names):
    with pytest.raises(UserError, match=f"here has several that could be the split 'val': {names[0]}, {names[1]}; "):
        find_splits(names, 'here')


def test_unused_names_are_listed_up_to_three(tmp_path):
    assert describe_unused([], tmp_path) == []
    assert describe_unused(['b', 'a'], tmp_path) == [f'{tmp_path}: not used: a, b']
    assert describe_unused('edcba', tmp_path) == [f'{tmp_path}: not used: a, b, c and 2 more']


def test_what_has_the_names():
    assert select_splits({'valid': 1, 'cats_train': 2, 'other': 3}, 'here') == {'train': 2, 'val': 1}
    with pytest.raises(UserError, match='here has several'):
        select_splits({'valid': 1, 'val': 2}, 'here')


@pytest.mark.parametrize(
    ('place', 'split'), [('', None), ('images/valid/train', 'val'), ('images/trains', None), ('train2017', 'train')]
)
def test_split_of_a_folder(place, split):
    assert split_of_place(place) == split
