"""From shapes to COCO's lists."""

import math
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmbackbones.datasets.checks.images import ImageInfo
from mmbackbones.datasets.formats.objects import (
    MAX_SAGITTA,
    box_of_polygon,
    ellipse,
    from_polygons,
    from_rle,
    polygon_area,
    rotated_rectangle,
    to_annotations,
)


@pytest.mark.parametrize('radius', [0.5, 3, 40, 1000])
def test_circles(radius):
    polygon = ellipse(50, 60, radius, radius)
    distances = [math.hypot(x - 50, y - 60) for x, y in zip(polygon[::2], polygon[1::2], strict=True)]
    assert distances == [pytest.approx(radius)] * len(distances)
    assert box_of_polygon(polygon) == pytest.approx((50 - radius, 60 - radius, 2 * radius, 2 * radius), abs=0.02)
    between = [
        math.hypot((x1 + x2) / 2 - 50, (y1 + y2) / 2 - 60)
        for (x1, y1), (x2, y2) in [(polygon[:2], polygon[2:4]), (polygon[-2:], polygon[:2])]
    ]
    assert min(between) >= radius - 2 * MAX_SAGITTA


@pytest.mark.parametrize('radius', [0, 1e-9, 1e15])
def test_extreme_circles(radius):
    assert 12 <= len(ellipse(0, 0, radius, radius)) / 2 <= 400


def test_ellipses_are_turned_clockwise():
    assert box_of_polygon(ellipse(50, 60, 20, 5)) == (30, 55, 40, 10)
    assert box_of_polygon(ellipse(50, 60, 20, 5, 90)) == (45, 40, 10, 40)
    polygon = ellipse(50, 60, 20, 1, 45)
    assert max(zip(polygon[::2], polygon[1::2], strict=True)) > (60, 70)  # to the right and down
    assert polygon_area(ellipse(50, 60, 20, 5, 30)) == pytest.approx(math.pi * 100, rel=0.02)


def test_rotated_rectangles():
    assert rotated_rectangle(10, 20, 30, 40, 0) == (10, 20, 40, 20, 40, 60, 10, 60)
    assert box_of_polygon(rotated_rectangle(10, 20, 30, 40, 90)) == (5, 25, 40, 30)
    polygon = rotated_rectangle(0, 0, 10, 10, 30)
    assert polygon[0] > 0 > polygon[1]  # clockwise: the left upper corner goes to the right and up
    assert polygon_area(polygon) == pytest.approx(100)


def test_masks():
    pixels = np.zeros((20, 30), np.uint8)
    pixels[4:9, 2:7] = 1
    pixels[5:7, 3:5] = 0
    items = [
        from_rle('dog', coco_mask.encode(np.asfortranarray(pixels))),
        from_polygons('cat', [(0, 0, 4, 0, 4, 4), (10, 10, 12, 10, 12, 12)], crowd=True),
    ]
    read = to_annotations(Path('images'), ['a.jpg'], [ImageInfo(30, 20)], [items], ['cat', 'dog'])
    first, second = read.data['annotations']
    assert (first['bbox'], first['area'], first['iscrowd'], first['category_id']) == ([2, 4, 5, 5], 21, 0, 2)
    assert (coco_mask.decode(first['segmentation']) == pixels).all()
    assert (second['bbox'], second['area'], second['iscrowd'], second['category_id']) == ([0, 0, 12, 12], 10, 1, 1)
