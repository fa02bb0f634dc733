"""The train/val split of data sets without a val split."""

import random

import pytest

from mmbackbones.datasets.train_val_split import describe_train_val_split, train_val_split


def classes_in(split, classes) -> set:
    return {label for name in split for label in classes[name]}


def test_every_image_is_in_one_split():
    names = [f'{number}.jpg' for number in range(57)]
    splits = train_val_split(names)
    assert len(splits['val']) == 11
    assert sorted(splits['train'] | splits['val']) == sorted(names)
    assert splits['train'].isdisjoint(splits['val'])


@pytest.mark.parametrize('seed', range(20))
def test_classes_are_in_both_splits(seed):
    draw = random.Random(seed)
    classes = {
        f'{number}.jpg': draw.choices('abcdefgh', [400, 200, 90, 40, 20, 8, 4, 2], k=draw.randrange(4))
        for number in range(100)
    }
    splits = train_val_split(classes, classes)
    everything = [label for labels in classes.values() for label in set(labels)]
    assert classes_in(splits['train'], classes) == set(everything)
    for label in set(everything):
        count, held_out = everything.count(label), sum(label in classes[name] for name in splits['val'])
        assert held_out < count
        assert bool(held_out) == (count > 1)
        assert count < 20 or 0.1 < held_out / count < 0.35
    assert 15 <= len(splits['val']) <= 20
    shuffled = draw.sample(sorted(classes), len(classes))
    assert train_val_split(shuffled, {name: classes[name] for name in shuffled}) == splits


def test_a_class_with_one_image_is_trained_on():
    for only in range(10):
        classes = {f'{number}.jpg': ['rare', 'usual'] if number == only else ['usual'] for number in range(10)}
        assert f'{only}.jpg' in train_val_split(classes, classes)['train']


def test_the_val_split_has_objects():
    for only in range(30):  # two images of thirty have any
        classes = {f'{number}.jpg': ['cat'] if number in (only, (only + 1) % 30) else [] for number in range(30)}
        splits = train_val_split(classes, classes)
        assert len(splits['val']) == 6
        assert all(classes_in(split, classes) == {'cat'} for split in splits.values())


def test_too_few_images_for_all_rules():
    classes = {'1.jpg': ['a'], '2.jpg': ['b', 'c'], '3.jpg': [], '4.jpg': [], '5.jpg': []}
    assert train_val_split(classes, classes)['val'] == {'1.jpg'}
    assert train_val_split(['1.jpg']) == {'train': set(), 'val': {'1.jpg'}}
    assert train_val_split([]) == {'train': set(), 'val': set()}


def test_many_images_and_classes_take_a_moment():
    classes = {f'{number}.jpg': range(number % 10_000, number % 10_000 + 3) for number in range(20_000)}
    splits = train_val_split(classes, classes)
    assert classes_in(splits['train'], classes) == set(range(10_002))


def test_the_note_has_the_sizes():
    note = describe_train_val_split('all.json', {'train': 8, 'val': 2})
    assert note.startswith('all.json: no validation split is given')
    assert note.endswith(': train (8 images) and val (2 images)')
