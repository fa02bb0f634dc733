"""The check of a data folder."""

import pytest

from mmbackbones.apis import check_data
from mmbackbones.errors import UserError
from tests.helpers import detection_folders

pytestmark = pytest.mark.usefixtures('cache_home')


def test_folder_of_both_tasks(shapes):
    lines = list(check_data(str(shapes)))
    assert 'ready for UperNet and Semantic FPN' in lines
    assert lines[-1] == 'ready for RetinaNet, and for Mask R-CNN'


def test_boxes_without_masks(tmp_path):
    detection_folders.plain(tmp_path / 'user')
    *_, last = check_data(str(tmp_path / 'user'))
    assert last.startswith('ready for RetinaNet; not for Mask R-CNN: ')


@pytest.mark.parametrize('option', [dict(background='class'), dict(ignore_label=3)])
def test_options_of_label_maps_need_label_maps(tmp_path, option):
    detection_folders.plain(tmp_path / 'user')
    with pytest.raises(UserError, match='but .* holds none; the formats with label maps are:'):
        list(check_data(str(tmp_path / 'user'), **option))


def test_folder_in_no_known_format(tmp_path):
    with pytest.raises(UserError, match='is in none of the known formats'):
        list(check_data(str(tmp_path)))
