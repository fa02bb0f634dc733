"""Conversion of label maps into what MMSegmentation reads."""

import os

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets.checks import label_conversion
from mmbackbones.datasets.checks.label_conversion import convert_label_map, is_read_as_stored
from mmbackbones.datasets.checks.label_maps import LabelMap, Pair
from mmbackbones.datasets.checks.label_table import LabelTable

LABELS = np.array([[0, 1, 2], [2, 700, 700]], np.uint16)
BYTES = LabelTable(('a', 'b', 'c'), {0: 0, 1: 1, 2: 2}, frozenset({255, 700}))
INDICES = LabelTable(('a', 'b', 'c'), {0: 2, 2: 1, 700: 0}, frozenset({1, 255}))
COLORS = LabelTable(('a', 'b'), {0xFF0000: 1, 0x0000FF: 0}, frozenset({0x00FF00}), by_color=True)
RGB = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)


@pytest.mark.parametrize(
    ('stored', 'table', 'expected'),
    [
        (LABELS, BYTES, [[0, 1, 2], [2, 255, 255]]),
        (LABELS, INDICES, [[2, 255, 1], [1, 0, 0]]),
        (RGB, COLORS, [[1, 255, 0]]),
        (RGB[:, 1:2], COLORS, [[255]]),
    ],
)
def test_convert(stored, table, expected, tmp_path):
    Image.fromarray(stored).save(tmp_path / 'a.png')
    convert_label_map(tmp_path / 'a.png', tmp_path / 'new/a.png', table)
    with Image.open(tmp_path / 'new/a.png') as image:
        assert image.mode == 'L'
        assert np.array(image).tolist() == expected


def test_what_is_converted_already_is_not_converted_again(tmp_path, monkeypatch):
    source, target = tmp_path / 'a.png', tmp_path / 'b.png'
    target.write_text('something else')
    converted = []
    convert = label_conversion._convert
    monkeypatch.setattr(label_conversion, '_convert', lambda *args: converted.append(args) or convert(*args))

    def convert_and_count(table):
        convert_label_map(source, target, table)
        return len(converted)

    Image.fromarray(LABELS).save(source)
    assert convert_and_count(INDICES) == convert_and_count(INDICES) == 1
    assert convert_and_count(INDICES.reorder(('c', 'b', 'a'))) == 2
    assert convert_and_count(BYTES) == 3
    os.utime(source, (1, 1))
    assert convert_and_count(BYTES) == convert_and_count(BYTES) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.png', 'b.png']


@pytest.mark.parametrize(
    ('as_stored', 'table', 'expected'), [(True, BYTES, True), (False, BYTES, False), (True, INDICES, False)]
)
def test_is_read_as_stored(as_stored, table, expected, tmp_path):
    pair = Pair(tmp_path / 'a.jpg', tmp_path / 'a.png', LabelMap((3, 2), as_stored, {}), 1)
    assert is_read_as_stored(pair, table) == expected
