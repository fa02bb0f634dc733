"""XML files beside the images, or in a folder of their own: pairing, splits and defects."""

import json
import os

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import rename, write_image, write_text
from tests.helpers.exports.xml import (
    ALL,
    kaggle_xml,
    labelimg,
    roboflow_voc,
    voc_without_lists,
    write_pairs,
    write_voc,
    xml_in_labels,
)
from tests.helpers.painted import SCENES, check_boxes, paint


@pytest.fixture
def root(tmp_path):
    return tmp_path / 'user'


def notes_of(root, out_dir) -> str:
    return '\n'.join(load_detection(root, out_dir).notes)


def test_images_without_objects_need_no_file(root, out_dir):
    kaggle_xml(root)
    (root / 'annotations/image_09.xml').unlink()
    data = load_detection(root, out_dir)
    check_boxes(data, divided=True)
    said = 'which are taken for images without objects, such as images/image_09.png: 1'
    assert f'annotations/*.xml: images without an XML file, {said}' in data.notes


def test_images_that_are_not_annotated_yet(root, out_dir):
    labelimg(root)
    for number in range(20):
        write_image(root / f'new_{number}.jpg')
    with pytest.raises(UserError, match=r'user/\*\.xml: 20 of the 35 images .* have none, such as new_0.jpg: annotate'):
        load_detection(root, out_dir)


def test_files_without_an_image(root, out_dir):
    kaggle_xml(root)
    (root / 'images/image_00.png').unlink()
    assert 'XML files without an image, such as annotations/image_00.xml: 1' in notes_of(root, out_dir)
    for scene in ALL[1:9]:
        (root / f'images/{scene.stem}.png').unlink()
    with pytest.raises(UserError, match=r'9 of 15 XML files have no image of the same name, such as annotations/'):
        load_detection(root, out_dir)


def test_other_files_are_no_annotations(root, out_dir):
    roboflow_voc(root)
    write_text(root / 'project.xml', '<project/>')
    write_image(root / 'samples/a.jpg')
    data = load_detection(root, out_dir)
    check_boxes(data)
    assert 'XML files without an image, such as project.xml: 1' in str(data.notes)
    assert 'images that are not used, such as samples/a.jpg: 1' in str(data.notes)


def test_other_xml_of_the_name_of_an_image(root, out_dir):
    labelimg(root)
    write_text(root / 'image_00.xml', '<project/>')
    with pytest.raises(UserError, match=r'image_00\.xml must begin with <annotation> as in Pascal VOC.*<project>'):
        load_detection(root, out_dir)


@pytest.mark.parametrize('name', ['image_00.png', 'labels/image_00.xml'])
def test_two_claim_the_same(name, root, out_dir):
    kaggle_xml(root)
    if name.endswith('.png'):
        paint(root / 'images/image_00.jpg', ALL[0])
    else:
        write_text(root / name, (root / 'annotations/image_00.xml').read_text())
    with pytest.raises(UserError, match=r'image_00\.\w+ and \S+image_00\.\w+ both belong to \S+image_00.*: keep one'):
        load_detection(root, out_dir)


def test_two_validation_folders(root, out_dir):
    roboflow_voc(root)
    write_pairs(SCENES['val'], root / 'val', root / 'val')
    with pytest.raises(UserError, match="several that could be the split 'val': val, valid; keep one"):
        load_detection(root, out_dir)


def test_the_rest_is_for_training(root, out_dir):
    """Folders for validation and test, and a folder of another name."""
    xml_in_labels(root)
    for kind in ('images', 'labels'):
        rename(root, f'{kind}/train', f'{kind}/summer')
    check_boxes(load_detection(root, out_dir))


def test_rotated_boxes_of_rolabelimg(root, out_dir):
    labelimg(root)
    file = root / 'image_00.xml'
    text = file.read_text()
    start, end = text.index('<bndbox>'), text.index('</bndbox>') + len('</bndbox>')
    box = '<robndbox><cx>9</cx><cy>9</cy><w>4</w><h>4</h><angle>0.5</angle></robndbox>'
    file.write_text(f'{text[:start]}{box}{text[end:]}')
    with pytest.raises(UserError, match=r'image_00\.xml: object 1 is a rotated box of roLabelImg, .* upright box'):
        load_detection(root, out_dir)


def test_corners_of_voc_count_from_one_unless_0_occurs(root, out_dir):
    voc_without_lists(root)
    for scene in ALL:
        write_pairs([scene], root / 'JPEGImages', root / 'Annotations')
    file = root / 'Annotations/image_09.xml'
    box = '<bndbox><xmin>0</xmin><ymin>0</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>'
    file.write_text(file.read_text().replace('</annotation>', f'<object><name>cat</name>{box}</object></annotation>'))
    data = load_detection(root, out_dir)
    boxes = [box for split in data.splits.values() for box in _boxes(split)]
    assert [0, 0, 9, 9] in boxes
    assert list(ALL[0].objects[0].box) in boxes


def _boxes(split) -> list[list[float]]:
    return [item['bbox'] for item in json.loads(split.ann_file.read_text())['annotations']]


@pytest.mark.parametrize('text', ['<polygon><x1>1</x1></polygon>', '<polygon><x1>a</x1><y1>2</y1></polygon>'])
def test_malformed_polygons(text, root, out_dir):
    labelimg(root)
    file = root / 'image_00.xml'
    file.write_text(file.read_text().replace('</object>', f'{text}</object>'))
    if 'a' in text.replace('polygon', ''):
        with pytest.raises(UserError, match=r'image_00\.xml: object 1 has a <polygon> that is not made of numbers'):
            load_detection(root, out_dir)
    else:
        check_boxes(load_detection(root, out_dir), divided=True)


@pytest.mark.parametrize('make', [os.mkfifo, os.mkdir], ids=['pipe', 'folder'])
@pytest.mark.parametrize('name', ['images/image_00.png', 'annotations/image_00.xml'])
def test_pipes_and_folders_in_place_of_files(make, name, root, out_dir):
    kaggle_xml(root)
    (root / name).unlink()
    make(root / name)
    if make is os.mkfifo:
        with pytest.raises(UserError, match=f'{os.path.basename(name)}.* regular file'):
            load_detection(root, out_dir)
    else:  # which may be called anything
        load_detection(root, out_dir)


def test_names_that_are_not_utf_8(root, out_dir):
    labelimg(root)
    for suffix in ('.JPG', '.xml'):
        rename(root, f'image_00{suffix}', os.fsdecode(b'\xff') + suffix)
    assert len(load_detection(root, out_dir).splits) == 2


def test_links_out_of_the_folder_and_loops(root, out_dir, tmp_path):
    kaggle_xml(tmp_path / 'elsewhere')
    root.mkdir()
    for name in ('images', 'annotations'):
        (root / name).symlink_to(tmp_path / 'elsewhere' / name)
    (root / 'images/loop').symlink_to(root)
    check_boxes(load_detection(root, out_dir), divided=True)


def test_voc_folders_in_folders_of_splits(root, out_dir):
    """Corners count from 1 there as well."""
    for split, listed in SCENES.items():
        write_pairs(listed, root / split / 'JPEGImages', root / split / 'Annotations', from_one=True)
    check_boxes(load_detection(root, out_dir))


def test_lists_are_not_ignored(root, out_dir):
    """One folder too high, VOC's lists would be: and so they are reported where they belong to no VOC folder."""
    write_voc(root / 'VOC2012', 'ImageSets/Main', from_one=True)
    with pytest.raises(UserError, match='is in none of the known formats|mean'):
        load_detection(root, out_dir)
    rename(root, 'VOC2012/JPEGImages', 'VOC2012/images')
    assert f'{root}/VOC2012: not used: ImageSets/Main/test.txt, ImageSets/Main/train.txt, ImageSets/Main/val.txt' in (
        load_detection(root / 'VOC2012', out_dir).notes
    )
