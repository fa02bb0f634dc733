"""Boxes that were written as two corners are refused, in COCO files and in YOLO's label files."""

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.corners import count_beyond
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_coco, write_image, write_text

CORNERS = [(8, 6, 60, 40), (2, 30, 40, 44), (30, 2, 44, 46), (1, 1, 9, 9), (20, 20, 50, 47), (33, 10, 63, 30)]


@pytest.mark.parametrize(
    ('boxes', 'beyond'),
    [
        ([(True, True)] * 2 + [(True, False)] * 6, 2),
        ([(True, True)] * 1 + [(True, False)] * 6, 0),
        ([(True, True)] * 4, 0),
        ([(True, True)] * 9 + [(False, False)], 0),
        ([], 0),
    ],
)
def test_what_tells(boxes, beyond):
    assert count_beyond(boxes) == beyond


def test_coco(tmp_path, out_dir):
    write_coco(tmp_path / 'all.json', {f'a{n}': [('cat', *box)] for n, box in enumerate(CORNERS)})
    for number in range(len(CORNERS)):
        write_image(tmp_path / f'images/a{number}.jpg')
    said = r'all\.json: as x, y, width and height, 5 of the 6 boxes reach beyond their images, but as two corners all'
    with pytest.raises(UserError, match=said):
        load_detection(tmp_path, out_dir)


def test_yolo(tmp_path, out_dir):
    write_text(tmp_path / 'classes.txt', 'cat\n')
    for number, (left, top, right, bottom) in enumerate(CORNERS):
        write_image(tmp_path / f'images/a{number}.jpg')
        row = f'0 {left / 64} {top / 48} {right / 64} {bottom / 48}\n'
        write_text(tmp_path / f'labels/a{number}.txt', row)
    said = r'images: as center, width and height, 6 of the 6 boxes reach beyond their images, but as two corners all'
    with pytest.raises(UserError, match=said):
        load_detection(tmp_path, out_dir)
