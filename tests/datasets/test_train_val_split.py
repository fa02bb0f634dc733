"""The validation part that is drawn where none is given."""

import random

import pytest

from mmbackbones.datasets.train_val_split import train_val_split


def classes_in(part, classes) -> set:
    return {label for name in part for label in classes[name]}


def test_every_image_is_in_one_part():
    names = [f'{number}.jpg' for number in range(57)]
    parts = train_val_split(names)
    assert len(parts['val']) == 11
    assert sorted(parts['train'] | parts['val']) == sorted(names)
    assert parts['train'].isdisjoint(parts['val'])


@pytest.mark.parametrize('seed', range(20))
def test_classes_are_in_both_parts(seed):
    draw = random.Random(seed)
    classes = {
        f'{number}.jpg': draw.choices('abcdefgh', [400, 200, 90, 40, 20, 8, 4, 2], k=draw.randrange(4))
        for number in range(100)
    }
    parts = train_val_split(classes, classes)
    everything = [label for labels in classes.values() for label in set(labels)]
    assert classes_in(parts['train'], classes) == set(everything)
    for label in set(everything):
        count, held_out = everything.count(label), sum(label in classes[name] for name in parts['val'])
        assert held_out < count
        assert bool(held_out) == (count > 1)
        assert count < 20 or 0.1 < held_out / count < 0.35
    assert 15 <= len(parts['val']) <= 20
    shuffled = draw.sample(sorted(classes), len(classes))
    assert train_val_split(shuffled, {name: classes[name] for name in shuffled}) == parts


def test_a_class_with_one_image_is_trained_on():
    for only in range(10):
        classes = {f'{number}.jpg': ['rare', 'usual'] if number == only else ['usual'] for number in range(10)}
        assert f'{only}.jpg' in train_val_split(classes, classes)['train']


def test_the_validation_part_has_objects():
    for only in range(30):  # two images of thirty have any
        classes = {f'{number}.jpg': ['cat'] if number in (only, (only + 1) % 30) else [] for number in range(30)}
        parts = train_val_split(classes, classes)
        assert len(parts['val']) == 6
        assert all(classes_in(part, classes) == {'cat'} for part in parts.values())


def test_what_cannot_be_avoided():
    classes = {'1.jpg': ['a'], '2.jpg': ['b', 'c'], '3.jpg': [], '4.jpg': [], '5.jpg': []}
    assert train_val_split(classes, classes)['val'] == {'1.jpg'}
    assert train_val_split(['1.jpg']) == {'train': set(), 'val': {'1.jpg'}}
    assert train_val_split([]) == {'train': set(), 'val': set()}


def test_many_images_and_classes_take_no_time():
    classes = {f'{number}.jpg': range(number % 20_000, number % 20_000 + 3) for number in range(40_000)}
    parts = train_val_split(classes, classes)
    assert classes_in(parts['train'], classes) == set(range(20_002))
