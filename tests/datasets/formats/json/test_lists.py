"""CreateML and VGG Image Annotator: a JSON file per split that lists images."""

import json
import os

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers.exports.json_lists import ALL, createml, roboflow_createml, via, via_region_data
from tests.helpers.exports.plain import write_json
from tests.helpers.painted import SCENES, check_boxes, paint

SCENE = SCENES['train'][0]
STEM = SCENE.stem
CREATEML, VIA = 'train/_annotations.createml.json', 'train/via_region_data.json'


@pytest.fixture
def root(tmp_path):
    return tmp_path / 'user'


def edit(file, change) -> None:
    content = json.loads(file.read_text())
    file.write_text(json.dumps(change(content) or content))


def refused(root, out_dir) -> str:
    with pytest.raises(UserError) as caught:
        load_detection(root, out_dir)
    return str(caught.value).replace(f'{root}/', '').replace(str(root), '.')


def write_flat(root, name='labels.json', image='{}.jpg') -> None:
    write_json(root / name, createml(ALL, image))
    for scene in ALL:
        paint(root / f'images/{scene.stem}.jpg', scene)


@pytest.mark.parametrize('image', ['images/{}.jpg', '/home/me/{}.jpg', 'https://host/a/{}.jpg', '../day/{}.jpg'])
def test_where_images_are(image, root, out_dir):
    write_flat(root, image=image)
    check_boxes(load_detection(root, out_dir), SCENES, divided=True)


def test_keys_of_apples_documentation(root, out_dir):
    write_flat(root)
    file = root / 'labels.json'
    file.write_text(file.read_text().replace('"image"', '"imagefilename"').replace('"annotations"', '"annotation"'))
    check_boxes(load_detection(root, out_dir), SCENES, divided=True)


def test_files_named_after_splits(root, out_dir):
    for split, scenes in SCENES.items():
        write_json(root / f'createml_{split}.json', createml(scenes))
        for scene in scenes:
            paint(root / f'photos/{scene.stem}.jpg', scene)
    check_boxes(load_detection(root, out_dir))


def test_suffixes_in_upper_case(root, out_dir):
    roboflow_createml(root)
    for split in ('train', 'valid', 'test'):
        (root / f'{split}/_annotations.createml.json').rename(root / f'{split}/A.JSON')
    check_boxes(load_detection(root, out_dir))


def test_several_files(root, out_dir):
    write_flat(root)
    write_flat(root, 'more.json')
    assert refused(root, out_dir) == (
        '. holds several files of CreateML, labels.json, more.json ...: name them after their splits, such as '
        'train.json '
        'and val.json, or keep one'
    )
    (root / 'more.json').rename(root / 'train.json')
    assert f'{root}: not used: labels.json' in load_detection(root, out_dir).notes
    (root / 'labels.json').rename(root / 'my_train.json')
    (root / 'train.json').rename(root / 'their_train.json')
    assert 'has several that could be the split' in refused(root, out_dir)


def test_corners_in_place_of_centers(root, out_dir):
    """As some tools write them: all boxes would be shifted."""
    roboflow_createml(root)

    def to_corners(content) -> None:
        for image in content:
            for item in image['annotations']:
                at = item['coordinates']
                at |= {'x': at['x'] - at['width'] / 2, 'y': at['y'] - at['height'] / 2}

    edit(root / CREATEML, to_corners)
    assert refused(root, out_dir) == (
        f'{CREATEML}: the coordinates look like corners of boxes, but CreateML has their centers: as such, 9 of '
        '18 boxes '
        'reach out of their image, and as corners none; choose another format in the tool that wrote them, such as COCO'
    )


def change_first(**changes):
    """Change the first box of the first image."""
    return lambda content: content[0]['annotations'][0].update(changes)


def change_coordinates(**changes):
    return lambda content: content[0]['annotations'][0]['coordinates'].update(changes)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda content: content[0].update(image=None), 'image 1 needs the name of a file as "image", but has None'),
        (lambda content: content[0].update(annotations=3), '"annotations" must be a list of objects, but is 3'),
        (change_first(coordinates=None), 'annotation 1 needs "coordinates" with x, y, width, height, but has None'),
        (change_coordinates(x='1'), "annotation 1 needs numbers as coordinates, but has ['1', "),
        (change_coordinates(x=float('nan')), 'annotation 1 has the coordinate nan, which is not finite and below 1e15'),
        (change_coordinates(width=-2), 'annotation 1 has a negative width or height: -2x22'),
        (change_first(label=None), f"'{STEM}.jpg', annotation 1 needs the name of a class, but has None"),
        (
            lambda content: content[0].update(image='a.jpg'),
            "the image 'a.jpg' is not in .; 1 of its 10 images is missing",
        ),
        (lambda content: [*content, content[0]], f'lists the image train/{STEM}.jpg twice'),
        (lambda content: [*content, 1], '"the file" must be a list of objects'),
    ],
)
def test_defects_of_createml(change, message, root, out_dir):
    roboflow_createml(root)
    edit(root / CREATEML, change)
    said = refused(root, out_dir)
    assert said.startswith(CREATEML)
    assert message in said


def test_two_images_of_a_name(root, out_dir):
    """The folder with all the images is meant."""
    write_flat(root)
    paint(root / f'more/{STEM}.jpg', SCENE)
    check_boxes(load_detection(root, out_dir), SCENES, divided=True)
    for scene in ALL:
        paint(root / f'photos/{scene.stem}.jpg', scene)
    (root / 'photos').rename(root / 'pictures')
    assert refused(root, out_dir) == (
        'labels.json: images of the same names are in images/ and pictures/ of .: keep one of them'
    )


def test_equal_names_in_each_split(root, out_dir):
    for split in ('train', 'val'):
        write_json(root / f'{split}/via.json', via(SCENES['train'], 2))
        for scene in SCENES['train']:
            paint(root / f'{split}/{scene.stem}.jpg', scene)
    data = load_detection(root, out_dir)
    for split, part in data.splits.items():
        content = json.loads(part.ann_file.read_text())
        assert {image['file_name'].split('/')[0] for image in content['images']} == {split}


def region(kind: str, attributes: dict | None = None, **numbers) -> dict:
    return {'shape_attributes': {'name': kind, **numbers}, 'region_attributes': attributes or {'type': 'cat'}}


def set_regions(root, *regions) -> None:
    edit(root / VIA, lambda content: content[f'{STEM}.jpg12345'].update(regions=list(regions)))


def test_shapes_of_via(root, out_dir):
    via_region_data(root)
    set_regions(
        root,
        region('rect', x=1, y=2, width=30, height=40),
        region('circle', cx=40, cy=50, r=10.5),
        region('ellipse', cx=40, cy=50, rx=20, ry=10),
        region('ellipse', cx=40, cy=50, rx=20, ry=10, theta=1.5707963),
        region('point', cx=40, cy=50),
        region('polyline', all_points_x=[1, 2], all_points_y=[1, 2]),
        region('polygon', all_points_x=[1, 2], all_points_y=[1, 2]),
    )
    data = load_detection(root, out_dir)
    content = json.loads(data.splits['train'].ann_file.read_text())
    number = next(item['id'] for item in content['images'] if STEM in item['file_name'])
    boxes = [item['bbox'] for item in content['annotations'] if item['image_id'] == number]
    expected = [[1, 2, 30, 40], [29.5, 39.5, 21, 21], [20, 40, 40, 20], [30, 30, 20, 40]]
    assert [[pytest.approx(value, abs=0.01) for value in box] for box in expected] == boxes
    assert (
        f'{VIA}: shapes that are no objects are left out (point: 1, polygon with fewer than three corners: 1, '
        'polyline: 1)'
    ) in data.notes


def test_a_single_class_without_a_name(root, out_dir):
    """As in the data set of balloons."""
    for split, scenes in SCENES.items():
        write_json(root / f'{split}/via_region_data.json', via(scenes, 1, attribute=None))
        for scene in scenes:
            paint(root / f'{split}/{scene.stem}.jpg', scene)
    data = load_detection(root, out_dir)
    assert data.classes == ('object',)
    assert data.splits['train'].boxes == 18
    assert f"{VIA}: the regions have no attributes: they are of one class, called 'object'" in data.notes


def test_attributes_without_values(root, out_dir):
    """Only one has ever been filled in."""
    via_region_data(root)
    file = root / VIA
    file.write_text(file.read_text().replace('"type":', '"color": "", "size": "undefined", "type":'))
    assert load_detection(root, out_dir).classes == ('bird', 'cat', 'dog')


def rectangle(**attributes) -> dict:
    return region('rect', attributes, x=1, y=1, width=9, height=9)


@pytest.mark.parametrize(
    ('found', 'message'),
    [
        (rectangle(type=''), "region 1 has no value of 'type', which is its class: choose one in VIA"),
        (rectangle(type={'a': False}), "region 1 has no value of 'type'"),
        (rectangle(type={'a': True, 'b': True}), "needs the name of a class, but has {'a': True, 'b': True}"),
        (region('star'), "region 1 is of the kind 'star'; known are rect, circle, ellipse and polygon, and point and "),
        (region('rect', x=1, y=1, width=9), 'region 1 needs numbers as coordinates, but has [1, 1, 9, None]'),
        (region('rect', x=1, y=1, width=-9, height=1), 'region 1 has a negative width or height: -9x1'),
        (region('circle', cx=1, cy=1), 'region 1 needs numbers as coordinates, but has [1, 1, None]'),
        (region('polygon', all_points_x=[1, 2, 3], all_points_y=[1, 2]), 'has 3 x-coordinates, but 2 y-coordinates'),
        (region('polygon', all_points_x=[1, 2, 3]), 'region 1 needs numbers as coordinates, but has None'),
        ({'shape_attributes': {}}, 'needs "regions", each with shape_attributes and region_attributes, but has ['),
        (1, 'needs "regions", each with shape_attributes and region_attributes, but has [1]'),
    ],
)
def test_defects_of_via(found, message, root, out_dir):
    via_region_data(root)
    set_regions(root, found)
    assert message in refused(root, out_dir)


def test_several_attributes(root, out_dir):
    via_region_data(root)
    set_regions(root, rectangle(type='cat', color='red'))
    assert refused(root, out_dir) == (
        ".: the regions have several attributes ('color', 'type'), so that it is not known which is the class: "
        'keep one of them in VIA, and export again'
    )


@pytest.mark.parametrize('entry', [1, {'regions': []}, {'filename': ''}])
def test_entries_that_are_no_images(entry, root, out_dir):
    via_region_data(root)
    edit(root / VIA, lambda content: content.update(other=entry))
    assert refused(root, out_dir).startswith(f'{VIA} must list images with "filename" and "regions", but has ')


def test_a_pipe(root, out_dir):
    """It is not opened, and does not keep the folder from being read."""
    roboflow_createml(root)
    os.mkfifo(root / 'train/more.json')
    check_boxes(load_detection(root, out_dir))
