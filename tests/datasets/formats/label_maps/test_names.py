"""Which label has which name, told by a list, a table of colors, or what a format knows itself."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets import load_segmentation
from mmbackbones.datasets.formats.base import LabelNames
from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.datasets.formats.label_maps.names import find_label_names
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_text
from tests.helpers.segmentation_folders import CLASSES, name_classes, write_labels

MAP = 'masks/a.png'
RED, BLUE, BLACK = 0xFF0000, 0x0000FF, 0
TABLE = 'name,r,g,b\nVoid,0,0,0\ncat,255,0,0\nbackground,0,0,255\n'


def draw(root: Path, *colors: int, mode: str = 'RGB', name: str = MAP) -> None:
    """A label map with a column of each color."""
    pixels = np.array([[[color >> 16, color >> 8 & 255, color & 255] for color in colors]] * 2, np.uint8)
    write_text(root / name, '')
    Image.fromarray(pixels).convert(mode).save(root / name)


def number(root: Path, *labels: int, name: str = MAP) -> None:
    write_labels(root / name, np.array([labels] * 2, np.uint8))


def find(root: Path, **options) -> LabelNames:
    return find_label_names(Folder(root), ['masks'], [MAP], **options)


# Lists


@pytest.mark.parametrize(
    'content',
    [
        'road\r\ncar\r\ntree\r\n',
        '\ufeffroad\ncar\ntree',
        ' road \ncar\t\ntree\n\n\n',
        '\ufeffroad\r\ncar\r\ntree\r\n\r\n',
        'road\rcar\rtree',
    ],
)
def test_line_endings_of_all_systems(content, ade20k_root, out_dir):
    name_classes(content)(ade20k_root)
    assert load_segmentation(ade20k_root, out_dir).classes == CLASSES


def test_only_line_endings_separate_names(ade20k_root, out_dir):
    name_classes('wet\x0croad\ncar\u2028van\ntree\n')(ade20k_root)
    assert load_segmentation(ade20k_root, out_dir).classes == ('wet\x0croad', 'car\u2028van', 'tree')


def test_names_of_ade20k(ade20k_root, out_dir):
    (ade20k_root / 'classes.txt').unlink()
    rows = [
        'Idx\tRatio\tTrain\tVal\tStuff\tName',
        '1\t0.2\t9\t9\t1\tstairs, steps',
        '2\t0.1\t9\t9\t0\tcar;auto',
        '3\t0.1\t9\t9\t0\tstairs, stairway',
    ]
    write_text(ade20k_root / 'objectInfo150.txt', '\n'.join(rows) + '\n')
    assert load_segmentation(ade20k_root, out_dir).classes == ('stairs, steps', 'car', 'stairs, stairway')
    write_text(ade20k_root / 'classes.txt', '\n'.join(CLASSES))
    assert load_segmentation(ade20k_root, out_dir).classes == CLASSES  # a user's own list comes first


def test_lists(tmp_path):
    number(tmp_path, 0, 1, 2)
    write_text(tmp_path / 'codes.txt', 'cat\ndog\nVoid\n')
    found = find(tmp_path)
    assert (found.names, found.values, found.ignored) == (('cat', 'dog'), (0, 1), {2})
    write_text(tmp_path / 'objectInfo150.txt', 'Idx\tName\n1\twall\n2\tbuilding;edifice\n')
    found = find(tmp_path)
    assert (found.file.name, found.names, found.background) == ('objectInfo150.txt', ('wall', 'building'), 'ignore')
    write_text(tmp_path / 'Classes.TXT', 'road\ncar\n')
    assert find(tmp_path) == LabelNames(tmp_path / 'Classes.TXT', ('road', 'car'))


def test_labelme(tmp_path):
    number(tmp_path, 0, 1)
    write_text(tmp_path / 'class_names.txt', '__ignore__\n_background_\ncat\n')
    found = find(tmp_path)
    assert (found.names, found.values) == (('cat',), (1,))
    assert (found.background_name, found.background_value, found.background) == ('background', 0, 'class')


@pytest.mark.parametrize(
    ('names', 'labels', 'zero', 'values'),
    [
        ('background\ncat\ndog', (0, 1, 2), 'named', (1, 2)),
        ('background\ncat\ndog', (0, 1, 2), 'open', None),
        ('background\ncat\ndog', (0, 1, 3), 'named', None),  # which label 3 contradicts
        ('cat\ndog\ncow', (0, 1, 2), 'named', None),
        ('cat\ndog\ncow', (0, 1, 255), 'background', (1, 2, 3)),
        ('background\ncat', (0, 255), 'named', None),  # black and white
    ],
)
def test_what_label_0_is(names, labels, zero, values, tmp_path):
    number(tmp_path, *labels)
    write_text(tmp_path / 'classes.txt', names)
    found = find(tmp_path, zero=zero)
    assert found.values == values
    assert (found.background_name, found.background) == (('background', 'class') if values else (None, None))


def test_roboflow(tmp_path):
    number(tmp_path, 0, 3)
    write_text(tmp_path / 'masks/_classes.csv', 'Pixel Value, Class\n0, background\n1, "cat, black"\n3,dog\n')
    found = find(tmp_path)
    assert (found.names, found.values, found.background_name) == (('cat, black', 'dog'), (1, 3), 'background')
    write_text(tmp_path / '_classes.csv', 'Pixel Value, Class\n0, background\n3, cat\n')
    with pytest.raises(UserError, match=r'_classes\.csv and .*masks/_classes\.csv name the labels differently'):
        find(tmp_path)


# Tables of colors

FORMS = {
    'class_dict.csv': '\ufeff"name", r, g, b\nVoid,0,0,0\ncat,255,0,0\nbackground,0,0,255\n\n',
    '32_class_dict.csv': 'R;G;B\n'.replace(';', ',').replace('R', 'name,r')
    + 'Void,0,0,0\ncat,255,0,0\nbackground,0,0,255\n',
    'label_colors.txt': '# colors\n0 0 0\t\tVoid\n255   0 0 cat\r\n0 0 255 background',
    'labelmap.txt': '# label:color_rgb:parts:actions\nVoid:0,0,0::\ncat:255,0,0:ear,nose:\nbackground:0,0,255::\n',
}


@pytest.mark.parametrize(('name', 'content'), FORMS.items(), ids=FORMS)
def test_color_maps(name, content, tmp_path):
    write_text(tmp_path / name, content)
    for mode in ('RGB', 'RGBA', 'P'):
        draw(tmp_path, RED, BLUE, BLACK, mode=mode)
        found = find(tmp_path)
        assert (found.names, found.values, found.by_color) == (('cat',), (RED,), True)
        assert (found.background_name, found.background_value, found.background) == ('background', BLUE, 'class')
        assert found.ignored - {0xE0E0C0} == {BLACK}


@pytest.mark.parametrize(('name', 'content'), FORMS.items(), ids=FORMS)
def test_row_numbers_in_place_of_colors(name, content, tmp_path):
    write_text(tmp_path / name, content)
    number(tmp_path, 0, 1, 2)
    found = find(tmp_path)
    assert (found.names, found.values, found.by_color, found.ignored) == (('cat',), (1,), False, {0})
    assert (found.background_name, found.background_value) == ('background', 2)


def test_background_that_cvat_adds(tmp_path):
    draw(tmp_path, RED, BLACK)
    write_text(tmp_path / 'labelmap.txt', 'background:0,0,0::\nIgnore:0,0,0::\ncat:255,0,0::\n')
    found = find(tmp_path)
    assert (found.names, found.background_name, found.ignored) == (('cat',), None, {BLACK, 0xE0E0C0})


def test_colors_need_a_table(tmp_path):
    draw(tmp_path, RED, RED, RED, BLACK)
    write_text(tmp_path / 'classes.txt', 'cat\ndog\n')
    with pytest.raises(UserError) as caught:
        find(tmp_path)
    assert str(caught.value) == (
        f'{tmp_path}/masks/a.png is a color image, but no file in {tmp_path} says which color is which class; the most '
        'frequent are 255,0,0 (75.0 %), 0,0,0 (25.0 %): write a file class_dict.csv there, with the line name,r,g,b '
        'and one line per class, such as road,255,0,0'
    )
    write_text(tmp_path / 'class_dict.csv', TABLE)
    assert find(tmp_path).by_color


def test_palettes_in_another_order(tmp_path):
    """Programs that make files smaller sort their palettes."""
    maps = ['masks/a.png', 'masks/b.png']
    for name, palette in zip(maps, ([0, 0, 0, 255, 0, 0], [255, 0, 0, 0, 0, 0]), strict=True):
        number(tmp_path, 0, 1, 1, name=name)
        image = Image.open(tmp_path / name)
        image.putpalette([*palette, 0, 0, 255])
        image.save(tmp_path / name)
    write_text(tmp_path / 'classes.txt', 'background\ncat\n')
    with pytest.raises(UserError, match=r'masks.b\.png gives a color another number than other .* 255,0,0 \(50\.0 %\)'):
        find_label_names(Folder(tmp_path), [], maps)
    write_text(tmp_path / 'class_dict.csv', TABLE)
    assert find_label_names(Folder(tmp_path), [], maps).by_color
    assert find_label_names(Folder(tmp_path), [], maps[:1]).names == ('cat',)


def test_photographs_in_place_of_label_maps(tmp_path):
    draw(tmp_path, *range(0x102030, 0x102030 + 80))
    with pytest.raises(UserError, match='at least 80 different colors instead of one per class: blurred outlines'):
        find(tmp_path)


def test_default_classes(tmp_path):
    default = [('background', BLACK), ('cat', RED)]
    draw(tmp_path, RED, BLACK, 0xE0E0C0)
    found = find(tmp_path, default=default)
    assert (found.values, found.by_color, found.ignored) == ((RED,), True, {0xE0E0C0})
    number(tmp_path, 0, 1, 255)
    found = find(tmp_path, default=default)
    assert (found.names, found.values, found.by_color, found.file) == (('cat',), (1,), False, tmp_path)
    number(tmp_path, 0, 2)
    assert find(tmp_path, default=default) == LabelNames(tmp_path, None)


def test_label_maps_that_cannot_be_read_are_left_to_their_reader(tmp_path):
    write_text(tmp_path / MAP, 'no image')
    assert find(tmp_path) == LabelNames(tmp_path, None)


REFUSED = {
    'header': ('class_dict.csv', 'cat,255,0,0\n', r'must begin with the line name,r,g,b, but begins with'),
    'no color': ('class_dict.csv', 'name,r,g,b\ncat,255,0\n', r"line 2: '255,0,' must be a color of three numbers"),
    'large color': ('class_dict.csv', 'name,r,g,b\ncat,256,0,0\n', 'must be a color of three numbers from 0 to 255'),
    'other digits': ('class_dict.csv', 'name,r,g,b\ncat,²,0,0\n', 'must be a color of three numbers from 0 to 255'),
    'same name': ('class_dict.csv', 'name,r,g,b\ncat,1,0,0\ncat,2,0,0\n', "'cat' names more than one label"),
    'same color': ('class_dict.csv', 'name,r,g,b\ncat,1,0,0\ndog,1,0,0\n', "'cat' and 'dog' have the same color"),
    'void alone': ('class_dict.csv', 'name,r,g,b\nvoid,1,0,0\n', "names no class beside 'void'"),
    'no rows': ('class_dict.csv', 'name,r,g,b\n', 'must name 1 to 254 labels, but names 0'),
    'no table': ('label_colors.txt', 'cat\n', r"line 1: 'cat' must be R G B NAME, such as: 64 0 128 Car"),
    'no labelmap': ('labelmap.txt', 'cat\n', r"line 1: 'cat' must be name:r,g,b::, such as car:64,0,128::"),
    'huge table': ('labelmap.txt', '# \n' * 400_000, 'too large'),
    'other csv': ('_classes.csv', 'filename, cat\na.jpg, 1\n', 'must begin with the line "Pixel Value, Class"'),
    'no value': ('_classes.csv', 'Pixel Value, Class\nx, cat\n', 'line 2: .* must be a pixel value from 0 to 255'),
    'large value': ('_classes.csv', f'Pixel Value, Class\n{"9" * 9000}, cat\n', 'must be a pixel value from 0 to 255'),
    'huge field': (
        'class_dict.csv',
        f'name,r,g,b\n"{"x" * 200_000}",1,2,3\n',
        'is not a readable CSV file: field larger',
    ),
    'no name': ('_classes.csv', 'Pixel Value, Class\n1\n', 'line 2: .* must be a pixel value from 0 to 255 and a name'),
    'value twice': ('_classes.csv', 'Pixel Value, Class\n1, cat\n1, dog\n', 'the pixel value 1 is given twice'),
}


@pytest.mark.parametrize(('name', 'content', 'message'), REFUSED.values(), ids=REFUSED)
def test_refused(name, content, message, tmp_path):
    number(tmp_path, 0, 1)
    write_text(tmp_path / name, content)
    with pytest.raises(UserError, match=message) as caught:
        find(tmp_path)
    assert f'{tmp_path}/{name}' in str(caught.value)


@pytest.mark.parametrize('name', ['classes.txt', 'class_dict.csv', 'labelmap.txt', '_classes.csv'])
def test_pipes_and_endless_files(name, tmp_path):
    number(tmp_path, 0, 1)
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match=f'{name} is not a readable text file: it is not a regular file'):
        find(tmp_path)
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to('/dev/zero')
    with pytest.raises(UserError, match=f'{name} is not a readable text file: it is not a regular file'):
        find(tmp_path)


def test_label_maps_that_are_pipes_are_left_to_their_reader(tmp_path):
    (tmp_path / 'masks').mkdir()
    os.mkfifo(tmp_path / MAP)
    assert find(tmp_path) == LabelNames(tmp_path, None)
