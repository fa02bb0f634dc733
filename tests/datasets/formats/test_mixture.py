"""Folders in two formats: one of them is used, unless each has a part of the annotations."""

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_text
from tests.helpers.exports.xml import ALL, labelimg
from tests.helpers.painted import check_boxes

NAMES = ('bird', 'cat', 'dog')


def write_labels(root, scenes) -> None:
    """labelImg's files after a switch to YOLO."""
    write_text(root / 'classes.txt', ''.join(f'{name}\n' for name in NAMES))
    for scene in scenes:
        rows = []
        for item in scene.objects:
            (x, y, width, height), (across, down) = item.box, scene.size
            numbers = (x + width / 2) / across, (y + height / 2) / down, width / across, height / down
            rows.append(f'{NAMES.index(item.name)} {" ".join(f"{number:.6f}" for number in numbers)}\n')
        write_text(root / f'{scene.stem}.txt', ''.join(rows))


def test_each_format_has_a_part(tmp_path, out_dir):
    labelimg(tmp_path)
    write_labels(tmp_path, ALL[:6])
    for scene in ALL[:6]:
        (tmp_path / f'{scene.stem}.xml').unlink()
    said = r'is in two formats: 8 images without objects in the format YOLO without data\.yaml, such as image_06\.JPG'
    with pytest.raises(UserError, match=rf'{said}, have objects in the format Pascal VOC without lists: save all in'):
        load_detection(tmp_path, out_dir)


def test_both_formats_have_all(tmp_path, out_dir):
    labelimg(tmp_path)
    write_labels(tmp_path, ALL)
    data = load_detection(tmp_path, out_dir)
    check_boxes(data, divided=True)
    assert f'{tmp_path} is in the format Pascal VOC without lists as well, which is not used' in data.notes


def test_one_format_has_a_part_of_the_classes(tmp_path, out_dir):
    """Objects of other classes are not missed."""
    labelimg(tmp_path)
    write_labels(tmp_path, ALL)
    for scene in ALL:
        file = tmp_path / f'{scene.stem}.xml'
        write_text(file, file.read_text().replace('<name>', '<name>big '))
    (tmp_path / f'{ALL[0].stem}.txt').unlink()
    assert load_detection(tmp_path, out_dir).splits['train'].backgrounds
