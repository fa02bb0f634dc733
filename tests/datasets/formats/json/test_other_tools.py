"""What a JSON file is, and what is said of exports that are not read."""

import json

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.formats.json_kind import MAX_READ, json_kind
from mmbackbones.errors import UserError
from tests.helpers.exports.json_lists import createml, via
from tests.helpers.exports.json_per_image import labelme
from tests.helpers.exports.plain import coco, write_json
from tests.helpers.painted import SCENES, paint

SCENE = SCENES['train'][0]
BOX = {'x': 1, 'y': 2, 'width': 3, 'height': 4, 'rotation': 0, 'rectanglelabels': ['cat']}
RESULT = {'original_width': 96, 'original_height': 72, 'value': BOX, 'type': 'rectanglelabels'}
TASK = {
    'id': 1,
    'annotations': [{'id': 1, 'completed_by': 1, 'result': [RESULT]}],
    'data': {'image': '/data/upload/a.jpg'},
}
SUPERVISELY = {'size': {'height': 72, 'width': 96}, 'objects': [{'geometryType': 'rectangle', 'classTitle': 'cat'}]}
DATUMARO = {'info': {}, 'categories': {'label': {'labels': []}}, 'items': [{'id': 'a', 'annotations': []}]}
LABELBOX = {'data_row': {'id': 'a', 'external_id': 'a.jpg'}, 'media_attributes': {'height': 72}}
CONTENTS = {
    'COCO': coco(SCENES['train']),
    'labelme': labelme(SCENE),
    'CreateML': createml(SCENES['train']),
    'VIA': via(SCENES['train'], 1),
    'ISAT': {'info': {'description': 'ISAT', 'name': 'a.jpg'}, 'objects': []},
    'Label Studio': [TASK],
    'Supervisely': SUPERVISELY,
    'Datumaro': DATUMARO,
    'Labelbox': LABELBOX,
}


@pytest.mark.parametrize(('kind', 'content'), CONTENTS.items(), ids=CONTENTS)
@pytest.mark.parametrize('options', [{}, {'indent': 4}, {'separators': (',', ':')}], ids=['', 'indented', 'dense'])
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig'])
def test_kinds(kind, content, options, encoding, tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps(content, **options), encoding=encoding)
    assert json_kind(tmp_path / 'a.json') == kind


def test_images_in_front_of_shapes(tmp_path):
    """Keys may be in any order, and an image may have megabytes."""
    shapes = [{'label': 'cat', 'points': [[0, 0]] * MAX_READ}]
    write_json(tmp_path / 'a.json', {'imageData': 'A' * 3 * MAX_READ, 'shapes': shapes})
    assert json_kind(tmp_path / 'a.json') == 'labelme'


@pytest.mark.parametrize('text', ['', '{}', '[]', '[1]', '{"a": [1]}', 'annotations'])
def test_no_kind(text, tmp_path):
    (tmp_path / 'a.json').write_text(text)
    assert json_kind(tmp_path / 'a.json') is None


@pytest.mark.parametrize(
    ('name', 'kind', 'advice'),
    [
        ('project-1.json', 'Label Studio', 'export the project again as COCO, and unpack that'),
        ('train/ann/a.jpg.json', 'Supervisely', 'run its app "Export to COCO" on the project'),
        ('annotations/default.json', 'Datumaro', 'export it as COCO (from CVAT: COCO 1.0)'),
        ('export.ndjson', 'Labelbox', 'convert it to COCO, for example with "labelformat convert"'),
    ],
)
def test_exports_that_are_not_read(name, kind, advice, tmp_path, out_dir):
    write_json(tmp_path / name, CONTENTS[kind])
    paint(tmp_path / 'img/a.jpg', SCENE)
    with pytest.raises(UserError) as caught:
        load_detection(tmp_path, out_dir)
    assert f'{tmp_path} holds {name}, ' in str(caught.value)
    assert f'{kind}' in str(caught.value)
    assert str(caught.value).endswith(f', which is not read: {advice}')


def test_records(tmp_path, out_dir):
    (tmp_path / 'train').mkdir()
    (tmp_path / 'train/cats.tfrecord').write_bytes(b'')
    said = 'holds train/cats.tfrecord, a file of records, which are not read: export the data again as COCO'
    with pytest.raises(UserError, match=said):
        load_detection(tmp_path, out_dir)


def test_records_beside_a_data_set(tmp_path, out_dir):
    write_json(tmp_path / 'a/b/all.json', coco(SCENES['train']))
    for scene in SCENES['train']:
        paint(tmp_path / f'a/b/images/{scene.stem}.jpg', scene)
    (tmp_path / 'cats.parquet').write_bytes(b'')
    with pytest.raises(UserError, match=f'did you mean {tmp_path}/a'):
        load_detection(tmp_path, out_dir)
