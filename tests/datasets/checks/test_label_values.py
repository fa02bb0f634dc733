"""Labels that have no class, and notes on those that have one."""

import re
from pathlib import Path

import pytest

from mmbackbones.datasets.checks.label_maps import LabelMap
from mmbackbones.datasets.checks.label_table import LabelTable
from mmbackbones.datasets.checks.label_values import (
    check_classes_occur,
    check_label_255,
    check_label_range,
    describe_labels,
)
from mmbackbones.errors import UserError

NAMES = ('road', 'car')
FILE = Path('classes.txt')
ROOT = Path('user')


def table(background: str, ignore_label: int | None = None) -> LabelTable:
    return LabelTable.consecutive(NAMES, background, ignore_label)


def maps(*labels: set[int]) -> dict[Path, LabelMap]:
    """A label map for each set of labels, with 10 pixels of each."""
    return {
        Path(f'{index}.png'): LabelMap((10, 10), True, dict.fromkeys(sorted(found), 10))
        for index, found in enumerate(labels)
    }


@pytest.mark.parametrize(
    ('labels', 'background', 'ignore_label', 'message'),
    [
        ({0, 1, 2, 255}, None, None, None),
        ({0, 1, 2, 255}, 'ignore', None, None),
        ({0, 1, 255}, 'class', None, None),
        ({0, 1, 2}, 'class', 2, None),
        ({2}, 'class', None, 'label 2, .* names only the labels 0 to 1 .255 is ignored.; 1 of 2 .*label 2 ignores its'),
        (
            {3},
            None,
            None,
            'label 3, .* names only the labels 1 to 2 .0 and 255 are ignored.; 1 of 2 .*-label 3 ignores',
        ),
        ({3, 4}, 'ignore', None, 'label 3, .*; 1 of 2 label maps have such labels$'),
        ({3, 4}, 'ignore', 4, r'label 3, .* \(0, 4 and 255 are ignored\); 1 of 2'),
    ],
)
def test_check_label_range(labels, background, ignore_label, message):
    arguments = maps({1}, labels), NAMES, background, ignore_label, FILE
    if message is None:
        assert check_label_range(*arguments) is None
        return
    with pytest.raises(UserError, match=f'^1.png has the {message}'):
        check_label_range(*arguments)


@pytest.mark.parametrize(
    ('labels', 'table', 'message'),
    [
        ({0, 1}, table('ignore'), None),
        ({0}, table('class'), None),
        (
            {0},
            table('ignore'),
            r'0, which is ignored: give .* classes\.txt their labels \(1, 2\), .* --background class$',
        ),
        ({0, 255}, table('ignore'), '0 and 255, which are ignored: .* give what is labeled 255 another label$'),
        (
            {0},
            table('class', ignore_label=0),
            r'no label but 0, which is ignored: give the classes in classes\.txt their labels \(1\)$',
        ),
    ],
)
def test_check_classes_occur(labels, table, message):
    if message is None:
        assert check_classes_occur(maps(labels, {255}), table, FILE) is None
        return
    with pytest.raises(UserError, match=f'^all 2 label maps, such as 0.png, have .*{message}'):
        check_classes_occur(maps(labels, labels), table, FILE)


@pytest.mark.parametrize(
    ('pixels', 'table', 'refused'),
    [
        ({1: 30, 255: 10}, table('ignore'), True),
        ({0: 5, 1: 25, 255: 10}, table('ignore'), True),
        ({1: 30, 255: 10}, table('ignore', ignore_label=255), False),
        ({0: 5, 1: 25, 255: 10}, table('class'), False),
        ({0: 10, 1: 30}, table('ignore'), False),
    ],
)
def test_check_label_255(pixels, table, refused):
    if not refused:
        assert check_label_255(pixels, table, ROOT) is None
        return
    with pytest.raises(UserError, match=r"in user that is not ignored is 1 \('road'\): 255, 25\.0 % of the pixels"):
        check_label_255(pixels, table, ROOT)


@pytest.mark.parametrize(
    ('labels', 'table', 'notes'),
    [
        ([{1, 2}], table('ignore'), []),
        ([{0, 1}], table('class'), []),
        ([{1}, {1}], table('ignore'), ["1 of the 2 classes occurs nowhere, such as 'car'"]),
        (
            [{1, 2}, {0, 1}],
            table('ignore'),
            ["label 0 is in 1 of 2 label maps: its pixels, 25.0 % of all, .*'road'"],
        ),
        (
            [{1, 2, 9}],
            table('ignore', 9),
            ['label 9 is in 1 of 1 label maps: its pixels, 33.3 % .* another label$'],
        ),
    ],
)
def test_describe_labels(labels, table, notes):
    found = describe_labels(list(maps(*labels).values()), table, stated=False)
    assert len(found) == len(notes)
    for note, pattern in zip(found, notes, strict=True):
        assert re.match(pattern, note)


def test_ignored_labels_that_the_data_set_states():
    found = list(maps({0, 1, 2, 255}).values())
    for note in describe_labels(found, table('ignore'), stated=True):
        assert note.endswith('are ignored in training and evaluation')
    many = LabelTable(NAMES, {1: 0, 2: 1}, frozenset({0, *range(3, 9), 255}))
    notes = describe_labels(list(maps({1, 2, 3, 4, 5, 6}).values()), many, stated=True)
    assert notes == ['labels whose pixels are ignored in training and evaluation: 4, together 66.7 % of all pixels']


def test_names_of_ignored_labels():
    found, names = list(maps({0, 1, 2, 255}).values()), {0: 'Void', 4: 'sky', 6: 'ego'}
    assert describe_labels(found, table('ignore'), stated=True, names=names)[0].startswith("label 0 ('Void') is in 1")
    many = LabelTable(NAMES, {1: 0, 2: 1}, frozenset({0, *range(3, 9), 255}))
    (note,) = describe_labels(list(maps({1, 2, 3, 4, 5, 6}).values()), many, stated=True, names=names)
    assert "evaluation: 4 ('sky', 'ego'), together" in note
