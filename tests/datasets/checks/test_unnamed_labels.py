"""Label maps whose classes nothing names."""

from pathlib import Path

import pytest

from mmbackbones.datasets.checks.label_maps import LabelMap
from mmbackbones.datasets.checks.unnamed_labels import (
    binary_table,
    check_not_instances,
    check_sharp,
    check_white,
    class_of,
    find_foreground,
    table_of_values,
)
from mmbackbones.errors import UserError

NAMES = ('background', 'car')


@pytest.mark.parametrize(
    ('occurring', 'expected'),
    [
        ({0, 255}, 255),
        ({255}, 255),
        ({0, 1}, 1),
        ({1}, 1),
        ({0, 1, 255}, 1),
        ({0, 65535}, 65535),
        ({0, 255, 65535}, None),
        ({0}, None),
        ({0, 2}, None),
        ({0, 2, 255}, None),
        (set(), None),
    ],
)
def test_find_foreground(occurring, expected):
    assert find_foreground(occurring) == expected


@pytest.mark.parametrize(
    ('foreground', 'background', 'ignore_label', 'classes', 'ignored'),
    [
        (255, None, None, {0: 0, 255: 1}, set()),
        (1, None, None, {0: 0, 1: 1}, {255}),
        (1, 'class', 7, {0: 0, 1: 1}, {7, 255}),
        (255, 'ignore', None, {255: 0}, {0}),
        (255, None, 255, {0: 0}, {255}),
    ],
)
def test_binary_table(foreground, background, ignore_label, classes, ignored):
    table = binary_table(NAMES, foreground, background, ignore_label)
    assert (table.classes, table.ignored, table.background) == (classes, ignored, background or 'class')
    assert table.names == (NAMES[1:] if background == 'ignore' else NAMES)


@pytest.mark.parametrize(
    ('occurring', 'options', 'names', 'ignored'),
    [
        ({0, 3, 9}, {}, ('class 0', 'class 3', 'class 9'), {255}),
        ({0, 3, 255}, dict(background='ignore'), ('class 3',), {0, 255}),
        ({0, 3, 9}, dict(ignore_label=3), ('class 0', 'class 9'), {3, 255}),
        ({0, 9}, dict(trained=['class 9', 'class 10', 'class 0']), ('class 0', 'class 9', 'class 10'), {255}),
        ({0, 9}, dict(trained=['car', 'class 09', 'class \u00b2', 'class', '3', '']), (), {255}),
    ],
)
def test_table_of_values(occurring, options, names, ignored):
    options = dict(background=None, ignore_label=None, trained=()) | options
    table = table_of_values(occurring, **options, root=Path('user'))
    assert (table.names, table.ignored) == (names, ignored)
    assert [class_of(value) for value in table.classes] == list(names)
    assert list(table.classes.values()) == list(range(len(names)))


def test_too_many_values():
    assert len(table_of_values(range(100), None, None, (), Path('user')).names) == 100
    with pytest.raises(
        UserError, match=r'user have 101 different values, .* gray levels: .* name them in .*classes\.txt'
    ):
        table_of_values(range(101), None, None, (), Path('user'))


@pytest.mark.parametrize(
    ('pixels', 'sharp'),
    [
        ({0: 50, 255: 50}, True),
        ({0: 500, 255: 500, **dict.fromkeys(range(100, 130), 1)}, False),
        ({0: 500, 255: 500, **dict.fromkeys(range(100, 103), 1)}, True),
        ({0: 50, 255: 50, **dict.fromkeys(range(100, 130), 10)}, True),  # classes
        ({0: 500, **dict.fromkeys(range(100, 130), 1)}, True),
        ({0: 500, 65535: 500, **dict.fromkeys(range(1000, 1030), 1)}, False),
    ],
)
def test_check_sharp(pixels, sharp):
    if sharp:
        assert check_sharp(pixels, Path('user')) is None
        return
    with pytest.raises(UserError, match=r'user are black and white, but for 2\.9 % .* 30 values between, as if .*JPEG'):
        check_sharp(pixels, Path('user'))


@pytest.mark.parametrize(
    ('values', 'ignore_label', 'refused'),
    [
        ({0, 128, 255}, None, True),
        ({0, 85, 170, 255}, 85, True),
        ({0, 128, 255}, 255, False),
        ({0, 50, 100, 150}, None, False),
        ({0, 1, 2, 11, 255}, None, False),
        ({*range(91), 255}, None, False),
    ],
)
def test_check_white(values, ignore_label, refused):
    pixels = dict.fromkeys(sorted(values), 10)
    if not refused:
        assert check_white(pixels, ignore_label, Path('user')) is None
        return
    with pytest.raises(UserError, match=r'and 255, which nothing names: .* name all in a file _classes\.csv there'):
        check_white(pixels, ignore_label, Path('user'))


@pytest.mark.parametrize(
    ('objects', 'refused'),
    [
        ([3, 1, 5, 2, 2], True),
        ([0, 1, 2, 3, 3], True),
        ([1, 2, 3, 3, 3], False),
        ([3, 1, 5, 2], False),
    ],
)
def test_check_not_instances(objects, refused):
    maps = {
        Path(f'{name}.png'): LabelMap((9, 9), True, dict.fromkeys([*range(number + 1), 255], 5))
        for name, number in enumerate(objects)
    }
    skipping = maps | {Path('other.png'): LabelMap((9, 9), True, {0: 9, 2: 9})}
    assert check_not_instances(skipping, Path('user')) is None
    if not refused:
        assert check_not_instances(maps, Path('user')) is None
        return
    with pytest.raises(UserError, match=rf'number the objects of each image: .*\.png to {max(objects)}; a segmentor'):
        check_not_instances(maps, Path('user'))
