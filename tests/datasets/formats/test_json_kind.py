"""What a JSON file is, from a look at it."""

import json
import os

import pytest

from mmbackbones.datasets.formats.json_kind import MAX_READ, json_kind
from tests.helpers.detection_folders import TRUTH, coco

COCO = coco(TRUTH['train'])
LONG = [{'id': number, 'image_id': 1, 'bbox': [0, 0, 1, 1]} for number in range(MAX_READ // 20)]


@pytest.mark.parametrize(
    ('content', 'kind'),
    [
        (COCO, 'COCO'),
        ({'images': [], 'annotations': []}, 'COCO'),
        ({'images': [], 'annotations': None}, 'COCO'),
        ({'annotations': LONG, 'more': LONG}, 'COCO'),
        ({'images': LONG}, 'COCO'),
        ({'more': LONG, 'categories': []}, 'COCO'),
        ({'images': ['a.jpg']}, None),
        ({'annotations': [{'image_id': 1}]}, None),
        ({'annotations': [{'text': 'x' * 4 * MAX_READ}]}, None),
        ([COCO], 'CreateML'),
        ([{'categories': [], 'images': []}], None),
        ({'categories': {'label': {}}, 'items': [{'annotations': []}]}, 'Datumaro'),
        ({'version': '5.0', 'shapes': []}, 'labelme'),
        ({'name': 'x', 'version': '1'}, None),
        ({}, None),
        (3, None),
    ],
)
def test_kinds(content, kind, tmp_path):
    file = tmp_path / 'a.json'
    for indent in (None, 2):
        file.write_text(json.dumps(content, indent=indent))
        assert json_kind(file) == kind


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16', 'utf-16-le', 'utf-16-be'])
def test_encodings(encoding, tmp_path):
    (tmp_path / 'a.json').write_bytes(json.dumps(COCO, indent=1).encode(encoding))
    assert json_kind(tmp_path / 'a.json') == 'COCO'


def test_no_file(tmp_path):
    os.mkfifo(tmp_path / 'pipe.json')
    (tmp_path / 'zero.json').symlink_to('/dev/zero')
    (tmp_path / 'empty.json').touch()
    for name in ('pipe.json', 'zero.json', 'empty.json', 'nowhere.json', '.'):
        assert json_kind(tmp_path / name) is None
