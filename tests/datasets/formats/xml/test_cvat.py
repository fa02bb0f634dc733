"""CVAT's XML file: subsets, shapes and defects."""

import json
import re

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import rename, write_text
from tests.helpers.exports.cvat_xml import ALL, cvat_masks, cvat_project, cvat_task, write_cvat
from tests.helpers.painted import check_boxes, paint


@pytest.fixture
def root(tmp_path):
    return tmp_path / 'user'


def edit(root, old: str, new: str) -> None:
    file = root / 'annotations.xml'
    text = file.read_text()
    assert re.search(old, text)
    write_text(file, re.sub(old, new, text, count=1))


def test_shapes_that_are_no_objects_are_counted(root, out_dir):
    cvat_task(root)
    edit(root, '<points', '<polyline label="corner" points="1,2;3,4"></polyline><points')
    assert 'annotations.xml: shapes that are no objects, left out: polyline 1, points 15' in str(
        load_detection(root, out_dir).notes
    )


@pytest.mark.parametrize(
    ('shape', 'box'),
    [
        ('<box label="cat" xtl="20" ytl="30" xbr="40" ybr="36" rotation="90.0"/>', [27, 23, 6, 20]),
        ('<box label="cat" xtl="20" ytl="30" xbr="40" ybr="36" rotation="360"/>', [20, 30, 20, 6]),
        ('<ellipse label="cat" cx="30" cy="33" rx="10" ry="3"/>', [20, 30, 20, 6]),
        ('<polygon label="cat" points="20,30;40,30;40.00,36.00"/>', [20, 30, 20, 6]),
        ('<mask label="cat" rle="0, 120" left="20" top="30" width="20" height="6"/>', [20, 30, 20, 6]),
        ('<mask label="cat" rle="1,2,3" left="20" top="30" width="3" height="2"/>', [21, 30, 2, 1]),
    ],
)
def test_boxes_of_shapes(shape, box, root, out_dir):
    cvat_task(root)
    edit(root, r'<box(.|\n)*?</box>', shape)
    data = load_detection(root, out_dir)
    annotations = [
        item for split in data.splits.values() for item in json.loads(split.ann_file.read_text())['annotations']
    ]
    assert box in [list(map(round, item['bbox'])) for item in annotations]
    said = 'annotations.xml: rotated boxes, read as the upright boxes around them: 1'
    assert (said in data.notes) == ('90.0' in shape)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        (
            'xtl="6.00"',
            'xtl="left"',
            "image 'day 1/image_00.jpg': box 1 needs a number for each of xtl, ytl, ",
        ),
        ('xtl="6.00"', 'xtl="nan"', 'box 1 has numbers that are not pixels'),
        ('xtl="6.00"', 'xtl="60"', 'box 1 has the corners 60, 8, 32, 30, which do not make a box'),
        ('<box label="cat"', '<box', 'box 1 has no label'),
        (' width="80"', '', "image 'day 1/image_00.jpg' needs a width and a height"),
        (' width="80"', ' width="wide"', "the size of the image, 'wide', is not a number of pixels"),
        (
            ' width="80"',
            ' width="96"',
            'image images/day 1/image_00.jpg is said to be 96x100 pixels, but its file',
        ),
        ('name="day 1/image_00.jpg"', '', 'image 1 has no name'),
        (
            'name="day 1/image_00.jpg"',
            'name="day 1/x.jpg"',
            "image 'day 1/x.jpg' is not in .*; 1 of its 15 images",
        ),
        (
            'name="day 1/image_00.jpg"',
            'name="../../a.jpg"',
            "image '../../a.jpg' is not in .*; 1 of its 15",
        ),
        ('</version>', '</version><track id="0" label="cat"/>', 'export for videos, with tracks: export the task as'),
        ('<image(.|\n)*</image>', '', 'lists no images: export the task as "CVAT for images 1.1"'),
        ('<annotations>', '<!DOCTYPE a [<!ENTITY b "c">]><annotations>', 'declares a document type'),
        ('</annotations>', '', 'is not a readable XML file'),
    ],
)
def test_defects(old, new, message, root, out_dir):
    cvat_task(root)
    edit(root, old, new)
    with pytest.raises(UserError, match=rf'annotations\.xml.*{message}'):
        load_detection(root, out_dir)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('width="26"', 'width="90"', 'is not a rectangle of run lengths inside its image of 80x100'),
        ('width="26"', 'width="999999"', 'is not a rectangle of run lengths inside its image'),
        ('width="26"', 'width="99999999999"', 'has numbers that are not pixels'),
        ('width="26"', 'width="27"', 'has run lengths for 572 pixels, but is 27x22'),
        ('rle="', 'rle="x', 'is not a rectangle of run lengths'),
        ('rle="', 'rle="-5, 5, ', 'is not a rectangle of run lengths'),
    ],
)
def test_defects_of_masks(old, new, message, root, out_dir):
    cvat_masks(root)
    edit(root, old, new)
    with pytest.raises(UserError, match=rf"image_00.jpg': mask 1 {message}"):
        load_detection(root, out_dir)


def test_other_subsets(root, out_dir):
    cvat_project(root)
    edit(root, 'subset="Train"', 'subset="Later"')
    data = load_detection(root, out_dir)
    assert 'annotations.xml: subsets that are not used: Later' in data.notes
    assert data.splits['train'].images == 9


def test_two_files(root, out_dir):
    cvat_task(root)
    write_cvat(root / 'more', ((scene, '') for scene in ALL))
    with pytest.raises(UserError, match=r'several CVAT files \(annotations.xml, more/annotations.xml\): keep one'):
        load_detection(root, out_dir)


def test_images_of_the_same_names_in_two_folders(root, out_dir):
    write_cvat(root, ((scene, '') for scene in ALL))
    for scene in ALL:
        paint(root / f'new/{scene.stem}.jpg', scene)
        paint(root / f'old/{scene.stem}.jpg', scene)
    with pytest.raises(UserError, match=r'images of the same names are in new/ and old/ of .*: keep one of them'):
        load_detection(root, out_dir)
    rename(root, 'new', 'images')
    check_boxes(load_detection(root, out_dir), divided=True)
