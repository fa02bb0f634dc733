"""The shapes in CVAT's XML files, as objects with boxes and masks."""

from xml.etree.ElementTree import Element

import numpy as np
from pycocotools import mask as coco_mask

from ....errors import UserError
from ....utils.text import short
from ...checks.masks import MAX_COORDINATE
from ..objects import Object, box_of_polygon, ellipse, from_polygons, from_rle, rotated_rectangle

OBJECTS = ('box', 'polygon', 'mask', 'ellipse')
OTHERS = ('polyline', 'points', 'cuboid', 'skeleton')  # shapes without an area of their own


def read_shape(shape: Element, size: tuple[int, int], where: str) -> Object:
    """Read one of the shapes in `OBJECTS`; corners are distances from the edges of the image in pixels.

    Args:
        shape: The element.
        size: Width and height of the image.
        where: What messages call it.

    Raises:
        UserError: It is malformed.
    """
    name = shape.get('label', '').strip()
    if not name:
        raise UserError(f'{where} has no label')
    if shape.tag == 'mask':
        return _read_mask(name, shape, size, where)
    if shape.tag == 'polygon':
        return from_polygons(name, [_read_points(shape, where)])
    angle = _numbers(shape, ('rotation',), where)[0] if shape.get('rotation') else 0.0  # degrees
    if shape.tag == 'ellipse':
        cx, cy, rx, ry = _numbers(shape, ('cx', 'cy', 'rx', 'ry'), where)
        return from_polygons(name, [ellipse(cx, cy, rx, ry, angle)])
    left, top, right, bottom = _numbers(shape, ('xtl', 'ytl', 'xbr', 'ybr'), where)
    width, height = right - left, bottom - top
    if width < 0 or height < 0:
        raise UserError(f'{where} has the corners {left:g}, {top:g}, {right:g}, {bottom:g}, which do not make a box')
    if angle:  # the box around the rotated one
        return Object(name, box_of_polygon(rotated_rectangle(left, top, width, height, angle)))
    return Object(name, (left, top, width, height))


def is_rotated(shape: Element) -> bool:
    """Whether a shape is a rotated box."""
    try:
        return shape.tag == 'box' and float(shape.get('rotation') or 0) % 360 != 0
    except ValueError:  # which its reader refuses
        return False


def _read_points(shape: Element, where: str) -> tuple[float, ...]:
    text = shape.get('points', '')
    try:
        values = tuple(float(value) for point in text.split(';') for value in point.split(','))
    except ValueError:
        values = ()
    if len(values) < 6 or len(values) % 2 or not all(abs(value) < MAX_COORDINATE for value in values):
        raise UserError(f'{where} needs three or more points x,y;x,y;x,y, but has {short(text)}')
    return values


def _read_mask(name: str, shape: Element, size: tuple[int, int], where: str) -> Object:
    """A mask: runs of background and object in turn, row by row, in a rectangle of the image."""
    left, top, width, height = (int(value) for value in _numbers(shape, ('left', 'top', 'width', 'height'), where))
    try:
        runs = [int(run) for run in shape.get('rle', '').split(',')]
    except ValueError:
        runs = [-1]
    if min(left, top, width, height, *runs) < 0 or left + width > size[0] or top + height > size[1]:
        raise UserError(f'{where} is not a rectangle of run lengths inside its image of {size[0]}x{size[1]} pixels')
    if sum(runs) != width * height:
        raise UserError(f'{where} has run lengths for {sum(runs)} pixels, but is {width}x{height}')
    part = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8).reshape(height, width)
    whole = np.zeros((size[1], size[0]), np.uint8, order='F')
    whole[top : top + height, left : left + width] = part
    return from_rle(name, coco_mask.encode(whole))


def _numbers(shape: Element, keys: tuple[str, ...], where: str) -> list[float]:
    try:
        values = [float(shape.get(key, '')) for key in keys]
    except ValueError as error:
        raise UserError(f'{where} needs a number for each of {", ".join(keys)}') from error
    if not all(abs(value) < MAX_COORDINATE for value in values):
        raise UserError(f'{where} has numbers that are not pixels: {short(values)}')
    return values
