"""COCO files: which of them may hold boxes, and which images are theirs."""

import json

import pytest

from mmbackbones.datasets.checks.annotations import NoAnnotationsError
from mmbackbones.datasets.formats.coco.files import list_annotation_files, read_coco
from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import TRUTH, coco, write_coco, write_image, write_text


def test_annotation_files(tmp_path):
    for name in ('b', 'a', '._a', 'captions_val2017', 'person_keypoints_val2017', 'panoptic_val2017'):
        write_text(tmp_path / f'annotations/{name}.json', '{}')
    (tmp_path / 'annotations/folder.json').mkdir()
    (tmp_path / 'annotations/broken.json').symlink_to('nowhere')
    assert list_annotation_files(Folder(tmp_path)) == [f'annotations/{name}.json' for name in ('a', 'b', 'broken')]


def test_keypoints_serve_alone(tmp_path):
    for name in ('captions_val2017', 'person_keypoints_val2017'):
        write_text(tmp_path / f'annotations/{name}.json', '{}')
    assert list_annotation_files(Folder(tmp_path)) == ['annotations/person_keypoints_val2017.json']


def test_read_in_place(tmp_path):
    write_coco(tmp_path / 'a.json', TRUTH['val'])
    write_image(tmp_path / 'images/b1.jpg')
    found = read_coco(Folder(tmp_path), 'a.json', 'val', ('images',))
    assert found.data == coco(TRUTH['val'])
    assert (found.image_dir, found.file) == (tmp_path / 'images', tmp_path / 'a.json')


def test_a_file_in_another_encoding_is_not_used_in_place(tmp_path):
    (tmp_path / 'a.json').write_bytes(json.dumps(coco(TRUTH['val'])).encode('utf-16'))
    write_image(tmp_path / 'b1.jpg')
    found = read_coco(Folder(tmp_path), 'a.json', 'val', ('.',))
    assert found.data == coco(TRUTH['val'])
    assert found.file is None


def test_the_folder_with_most_images_is_taken(tmp_path):
    write_coco(tmp_path / 'a.json', TRUTH['val'])
    for name in ('images/b1.jpg', 'valid/b1.jpg', 'valid/b2.jpg'):
        write_image(tmp_path / name)
    assert read_coco(Folder(tmp_path), 'a.json', 'val', ('images', '{}', 'missing')).image_dir == tmp_path / 'valid'


@pytest.mark.parametrize(
    ('content', 'kind', 'message'),
    [
        ('[]', UserError, 'must hold a COCO object with images, annotations, categories, but holds a list'),
        ('{', UserError, 'is not a readable JSON file'),
        ('{"images": [], "categories": []}', NoAnnotationsError, 'lacks "annotations"'),
        ('{"annotations": [], "categories": []}', UserError, 'lacks "images"'),
        ('{"images": [1], "annotations": [], "categories": []}', UserError, '"images" must be a list of objects'),
        ('{"images": {}, "annotations": [], "categories": []}', UserError, '"images" must be a list of objects'),
        (json.dumps(coco({})), UserError, r'the images of .*a\.json are missing: put them into images/ or val/ of'),
    ],
)
def test_refused(content, kind, message, tmp_path):
    write_text(tmp_path / 'a.json', content)
    with pytest.raises(UserError, match=message) as caught:
        read_coco(Folder(tmp_path), 'a.json', 'val', ('images', '{}'))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ('annotation', 'what'),
    [
        ({'caption': 'a cat'}, 'captions'),
        ({'segments_info': []}, 'panoptic segments'),
        ({'keypoints': [1, 2, 2]}, 'keypoints without boxes'),
    ],
)
def test_annotations_of_other_tasks(annotation, what, tmp_path):
    data = coco(TRUTH['val']) | {'annotations': [{'id': 1, 'image_id': 1} | annotation]}
    for categories in (data['categories'], None):
        write_text(tmp_path / 'a.json', json.dumps(data | {'categories': categories}))
        with pytest.raises(UserError, match=rf'a\.json holds {what}, but a detector needs boxes$'):
            read_coco(Folder(tmp_path), 'a.json', 'val', ('.',))


def test_names_from_elsewhere(tmp_path):
    write_coco(tmp_path / 'a.json', TRUTH['val'], file_name='/home/me/{}.jpg')
    for stem in TRUTH['val']:
        write_image(tmp_path / f'photos/{stem}.jpg')
    found = read_coco(Folder(tmp_path), 'a.json', 'val', ('images',))
    assert [image['file_name'] for image in found.data['images']] == ['photos/b1.jpg', 'photos/b2.jpg']
    assert (found.image_dir, found.file) == (tmp_path, None)
    assert found.notes == (
        "a.json: images are found by the ends of their names, such as photos/b1.jpg for '/home/me/b1.jpg'",
    )
