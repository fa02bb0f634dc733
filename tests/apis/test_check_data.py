"""The check of a data folder."""

import pytest

from mmbackbones.apis import check_data
from mmbackbones.errors import UserError
from tests.helpers import detection_folders

pytestmark = pytest.mark.usefixtures('cache_home')


def test_folder_of_both_tasks(shapes):
    report = check_data(shapes)
    assert report.root == shapes
    assert report.ready_for == ('UperNet', 'Semantic FPN', 'RetinaNet', 'Mask R-CNN')
    assert report.has_masks
    assert report.boxes.images == report.label_maps.images == dict(train=8, val=4)
    assert report.boxes.classes == report.label_maps.classes[1:]
    assert list(report.boxes.objects) == ['train', 'val']
    assert report.label_maps.objects == {}
    values, names, shares = zip(*report.label_maps.labels, strict=True)
    assert (values, names) == (tuple('12345'), report.label_maps.classes)
    assert sum(shares) == pytest.approx(1)
    assert report.boxes.labels == ()
    lines = str(report).splitlines()
    assert lines[1:3] == ['  value  class         pixels', f"  1      'background'  {shares[0]:.1%}".replace('%', ' %')]
    assert lines == [*report.label_maps.lines, *report.boxes.lines]
    assert 'ready for UperNet and Semantic FPN' in lines
    assert lines[-1] == 'ready for RetinaNet and Mask R-CNN'
    objects = report.boxes.objects
    assert report.boxes.summary == (
        f'{shapes}: plain COCO, 4 classes; train 8 images, {objects["train"]} boxes; '
        f'val 4 images, {objects["val"]} boxes'
    )


def test_boxes_without_masks(tmp_path):
    detection_folders.plain(tmp_path / 'user')
    report = check_data(tmp_path / 'user')
    assert report.label_maps is None
    assert report.ready_for == ('RetinaNet',)
    assert not report.has_masks
    assert 'no annotation has a mask, but' in report.boxes.not_ready_for['Mask R-CNN']
    *_, last = str(report).splitlines()
    assert last.startswith('ready for RetinaNet; not for Mask R-CNN: ')


@pytest.mark.parametrize('option', [dict(background='class'), dict(ignore_label=3)])
def test_options_of_label_maps_need_label_maps(tmp_path, option):
    detection_folders.plain(tmp_path / 'user')
    with pytest.raises(UserError, match='but .* holds boxes: add --label-maps to read the masks'):
        check_data(str(tmp_path / 'user'), **option)


def test_folder_in_no_known_format(tmp_path):
    with pytest.raises(UserError, match='the data folder .* is empty'):
        check_data(str(tmp_path))


def test_an_empty_path_is_not_the_current_folder():
    with pytest.raises(UserError, match='the name of the data folder is empty: name a folder'):
        check_data('')
