"""Names of the labels of a segmentation data set."""

import pytest

from mmbackbones.datasets import load_segmentation
from mmbackbones.datasets.formats.class_names import read_class_names
from tests.helpers.detection_folders import write_text
from tests.helpers.segmentation_folders import CLASSES, name_classes


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


def test_read_class_names(tmp_path):
    write_text(tmp_path / 'objectInfo150.txt', 'Idx\tName\n1\twall\n2\tbuilding;edifice\n')
    found = read_class_names(tmp_path)
    assert (found.file.name, found.names, found.background) == ('objectInfo150.txt', ('wall', 'building'), 'ignore')
    write_text(tmp_path / 'classes.txt', 'road\ncar\n')
    found = read_class_names(tmp_path)
    assert (found.file.name, found.names, found.background) == ('classes.txt', ('road', 'car'), None)
