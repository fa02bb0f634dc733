"""The table of values, classes and shares, and how MMSegmentation is told of it."""

import numpy as np
import pytest

from mmbackbones.datasets.checks.label_maps import IGNORE_INDEX
from mmbackbones.datasets.checks.label_table import LabelTable, align, format_rows, percent, show_color

NAMES = ('road', 'car', 'tree')
SPARSE = LabelTable(NAMES, {3: 0, 7: 1, 200: 2}, frozenset({0, 255}), 'ignore')
BLACK_AND_WHITE = LabelTable(('background', 'car'), {0: 0, 255: 1}, frozenset(), 'class')
COLORS = LabelTable(('road', 'sky'), {0x804080: 0, 0x0000FF: 1}, frozenset({0}), by_color=True)
WIDE = LabelTable(('road', 'car'), {1: 0, 1000: 1}, frozenset({0, 255}))


@pytest.mark.parametrize(
    ('background', 'ignore_label', 'classes', 'ignored'),
    [
        ('ignore', None, {1: 0, 2: 1, 3: 2}, {0, 255}),
        ('class', None, {0: 0, 1: 1, 2: 2}, {255}),
        ('class', 1, {0: 0, 2: 2}, {1, 255}),
        ('ignore', 300, {1: 0, 2: 1, 3: 2}, {0, 255, 300}),
    ],
)
def test_consecutive(background, ignore_label, classes, ignored):
    table = LabelTable.consecutive(NAMES, background, ignore_label)
    assert (table.names, table.classes, table.ignored) == (NAMES, classes, ignored)
    assert (table.background, table.ignore_label) == (background, ignore_label)
    for value in range(256):
        assert table.name(value) == (NAMES[classes[value]] if value in classes else None)


TABLES = {
    'from 1': (LabelTable.consecutive(NAMES, 'ignore'), [], True),
    'from 0': (LabelTable.consecutive(NAMES, 'class'), [], False),
    'from 0, one ignored': (LabelTable.consecutive(NAMES, 'class', 1), [1], False),
    'from 1, one ignored': (LabelTable.consecutive(NAMES, 'ignore', 2), [2], True),
    'from 1, another order': (LabelTable.consecutive(NAMES, 'ignore').reorder(('car', 'road', 'tree')), [1, 2], True),
    'sparse': (SPARSE, [3, 7, 200], True),
    'black and white': (BLACK_AND_WHITE, [255], False),
    'white and black': (BLACK_AND_WHITE.reorder(('car', 'background')), [0, 255], False),
}


@pytest.mark.parametrize(('table', 'values', 'reduced'), TABLES.values(), ids=TABLES)
def test_settings_list_what_changes_only(table, values, reduced):
    settings = table.settings
    assert (settings['values'], settings['reduce_zero_label']) == (values, reduced)
    assert not table.in_indices
    labels = np.arange(256)
    read = np.where(labels == 255, 255, labels - reduced) % 256  # what MMSegmentation does
    expected = [table.index(value) for value in (*table.classes, *table.ignored)]
    listed = dict(zip(settings['values'], settings['labels'], strict=True))
    assert [listed.get(value, read[value]) for value in (*table.classes, *table.ignored)] == expected


@pytest.mark.parametrize('table', [COLORS, WIDE])
def test_what_does_not_fit_into_bytes_is_converted(table):
    assert table.in_indices
    assert (table.settings['values'], table.settings['labels']) == ([], [])
    assert table.settings['reduce_zero_label'] is False


def test_255_as_a_class_beside_ignored_values_beyond_bytes():
    assert not LabelTable(('a', 'b'), {0: 0, 254: 1}, frozenset({300})).in_indices
    assert LabelTable(('a', 'b'), {0: 0, 255: 1}, frozenset({300})).in_indices


def test_names_and_indices():
    assert [SPARSE.name(value) for value in (0, 3, 4, 200)] == [None, 'road', None, 'tree']
    assert [SPARSE.index(value) for value in (0, 3, 4, 200)] == [IGNORE_INDEX, 0, IGNORE_INDEX, 2]
    other = SPARSE.reorder(('tree', 'car', 'road'))
    assert [other.name(value) for value in (0, 3, 4, 200)] == [None, 'road', None, 'tree']
    assert other.index(200) == 0


def test_rows():
    assert format_rows(SPARSE.rows({0: 2, 7: 5, 200: 1})) == [
        '  value  class    pixels',
        '  0      ignored  25.0 %',
        "  3      'road'   0.0 %",
        "  7      'car'    62.5 %",
        "  200    'tree'   12.5 %",
    ]
    assert format_rows(COLORS.rows({0x804080: 1}))[1:] == [
        "  (0, 0, 255)     'sky'   0.0 %",
        "  (128, 64, 128)  'road'  100.0 %",
    ]


def test_many_rows():
    table = LabelTable.consecutive([f'class {number}' for number in range(50)], 'class')
    lines = format_rows(table.rows(dict.fromkeys(range(50), 1)))
    assert len(lines) == 42
    assert lines[-1] == '  and 10 more values'


@pytest.mark.parametrize(('most', 'count'), [(2, 3), (3, 3), (4, 3)])
def test_align(most, count):
    lines = align([('a', 'bc'), ('def', 'g'), ('h', 'i')], most, 'more row')
    assert lines[:2] == ['  a    bc', '  def  g']
    assert len(lines) == count
    assert (lines[-1] == '  and 1 more row') == (most == 2)


@pytest.mark.parametrize(('share', 'text'), [(0, '0.0 %'), (0.125, '12.5 %'), (1, '100.0 %')])
def test_percent(share, text):
    assert percent(share) == text


def test_show_color():
    assert show_color(0x0180FF) == '(1, 128, 255)'
