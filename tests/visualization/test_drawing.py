"""Drawings show the photograph and what was found in it, whatever that is."""

import subprocess
import sys

import numpy as np
import pytest

from mmbackbones.visualization.class_colors import class_color
from mmbackbones.visualization.drawing import draw_objects, draw_segmentation

NAMES = ('cat', 'dog', 'red panda')


def photograph(width=160, height=120, least=0, most=256):
    return np.random.default_rng(0).integers(least, most, (height, width, 3), dtype=np.uint8)


def objects(count, width=160, height=120, seed=1):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, (width - 20, height - 20), (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(2, 40, (count, 2))], axis=1).astype(np.float32)
    return boxes, np.sort(rng.uniform(0, 1, count))[::-1], rng.integers(0, len(NAMES), count)


def luminance(pixels):
    return pixels @ np.array([0.2126, 0.7152, 0.0722])


def has_color(picture, index):
    return (picture == class_color(index)).all(axis=-1)


def test_boxes_and_nothing_else_change_the_image():
    image = photograph()
    before = image.copy()
    picture = draw_objects(image, np.array([[40, 40, 90, 80]]), None, np.array([1]), None, NAMES)
    changed = (picture != image).any(axis=-1)
    assert (image == before).all()
    assert picture.shape == image.shape
    assert picture.dtype == np.uint8
    assert not changed[40:80, 40:90].any()  # the object itself
    assert changed[39, 39:91].all()  # the lines around it
    assert has_color(picture, 1)[39, 39:91].all()
    assert not changed[81:].any()  # the label is above
    assert not changed[:, 92:].any()
    assert not changed[:20].any()


def test_masks_change_what_they_cover_and_let_the_photograph_through():
    image = photograph(300, 200)
    masks = np.zeros((1, 200, 300), bool)
    masks[0, 50:150, 100:200] = True
    picture = draw_objects(image, np.array([[100, 50, 200, 150]]), None, np.array([0]), masks, NAMES)
    inner = np.s_[60:140, 110:190]
    was, now = luminance(image[inner]), luminance(picture[inner])
    assert np.corrcoef(was.ravel(), now.ravel())[0, 1] > 0.99
    assert now.std() > 0.5 * was.std()
    assert np.abs(now - was).max() <= 0.5 * 255
    assert (picture[160:] == image[160:]).all()


def test_the_contour_tells_touching_objects_of_one_class_apart():
    image = np.full((100, 200, 3), 90, np.uint8)
    masks = np.zeros((2, 100, 200), bool)
    masks[0, 30:70, 40:100] = masks[1, 30:70, 100:160] = True
    boxes = np.array([[40, 30, 100, 70], [100, 30, 160, 70]])
    picture = draw_objects(image, boxes, None, np.array([0, 0]), masks, NAMES)
    contour = has_color(picture, 0)[40:60]
    assert contour[:, 98:102].any(axis=1).all()
    assert not contour[:, 50:90].any()


def test_a_class_has_one_color_in_every_picture():
    image = photograph(least=100, most=101)
    one = draw_objects(image, np.array([[40, 40, 90, 80]]), None, np.array([2]), None, NAMES)
    other = draw_objects(image, np.array([[20, 70, 60, 100]]), None, np.array([2]), None, (*NAMES, *'abcdef'))
    regions = draw_segmentation(image, np.full((120, 160), 2), NAMES)
    assert all(has_color(picture, 2).any() for picture in (one, other, regions))


def test_equal_frames_are_drawn_alike():
    image, found = photograph(), objects(40)
    assert (draw_objects(image, *found, None, NAMES) == draw_objects(image, *found, None, NAMES)).all()


def test_a_legend_names_what_no_label_does():
    image, boxes = photograph(least=100, most=101), np.tile([[2, 2, 158, 118]], (400, 1))
    labels = np.array([0] * 399 + [1])
    few = draw_objects(image, boxes, np.linspace(1, 0.5, 400), labels * 0, None, NAMES)
    both = draw_objects(image, boxes, np.linspace(1, 0.5, 400), labels, None, NAMES)
    assert has_color(both, 1)[10:110, 10:150].sum() > has_color(few, 1)[10:110, 10:150].sum() + 20


HOSTILE_BOXES = {
    'none': np.empty((0, 4)),
    'not finite': [[np.nan, 0, 5, 5], [0, 0, np.inf, 5], [-np.inf, 0, 5, 5]],
    'outside': [[-50, -50, -10, -10], [1e6, 1e6, 2e6, 2e6], [500, 5, 510, 9]],
    'partly outside': [[-1e9, -1e9, 1e9, 1e9], [-5, -5, 5, 5], [155, 115, 170, 130]],
    'empty': [[5, 5, 5, 5], [160, 120, 160, 120], [0, 0, 0, 0]],
    'reversed': [[50, 50, 10, 10], [100, 20, 20, 100], [0, 0, -5, -5]],
    'the whole image': [[0, 0, 160, 120]] * 3,
}


@pytest.mark.parametrize('masked', [False, True], ids=['boxes', 'masks'])
@pytest.mark.parametrize('size', [(160, 120), (1, 1), (3, 500), (500, 2), (64, 48)], ids=str)
@pytest.mark.parametrize('boxes', HOSTILE_BOXES.values(), ids=HOSTILE_BOXES)
def test_any_box_can_be_drawn(boxes, size, masked):
    image, boxes = photograph(*size), np.asarray(boxes, np.float32)
    masks = np.random.default_rng(0).random((len(boxes), *image.shape[:2])) > 0.5 if masked else None
    picture = draw_objects(image, boxes, np.full(len(boxes), 0.5), np.arange(len(boxes)), masks, NAMES)
    assert picture.shape == image.shape


def test_empty_masks_are_drawn_as_boxes():
    masks = np.zeros((1, 120, 160), bool)
    picture = draw_objects(photograph(), np.array([[40, 40, 90, 80]]), None, np.array([1]), masks, NAMES)
    assert has_color(picture, 1)[39, 39:91].all()


@pytest.mark.parametrize('labels', [[-1], [3], [10**6]])
def test_labels_without_a_class_can_be_drawn(labels):
    picture = draw_objects(
        photograph(), np.array([[40, 40, 90, 80]]), np.array([np.nan]), np.array(labels), None, NAMES
    )
    assert (picture[:39] != photograph()[:39]).any()


def test_crowds_can_be_drawn():
    boxes, scores, labels = objects(1000)
    assert draw_objects(photograph(), boxes, scores, labels, None, NAMES).shape == (120, 160, 3)


@pytest.mark.parametrize(('least', 'most'), [(0, 40), (0, 256), (215, 256)], ids=['dark', 'any', 'bright'])
def test_the_photograph_is_seen_through_a_segmentation(least, most):
    image = photograph(400, 300, least, most)
    segmentation = np.zeros((300, 400), int)
    segmentation[:, 150:] = 1
    picture = draw_segmentation(image, segmentation, NAMES)
    colors = []
    for part in (np.s_[20:100, 20:130], np.s_[20:100, 170:390]):  # above the names
        was, now = luminance(image[part]), luminance(picture[part])
        assert np.abs(now - was).max() <= 0.5 * 255
        assert now.std() > 0.5 * was.std()
        colors.append(picture[part].mean(axis=(0, 1)))
    assert np.abs(colors[0] - colors[1]).max() > 30  # and the classes are told apart
    assert has_color(picture, 0)[:100, 149].all()  # by a border, too
    assert has_color(picture, 1)[:100, 150].all()


@pytest.mark.parametrize('name', ['background', 'Background', '_background_'])
def test_background_and_ignored_pixels_stay_as_they_are(name):
    image = photograph()
    segmentation = np.zeros((120, 160), np.uint8)
    segmentation[50:] = 255
    assert (draw_segmentation(image, segmentation, (name, 'cat')) == image).all()
    segmentation[60:90, 50:110] = 1
    picture = draw_segmentation(image, segmentation, (name, 'cat'))
    unchanged = (picture == image).all(axis=-1)
    assert unchanged[segmentation != 1].all()
    assert not unchanged[62:68, 52:108].any()


def test_names_are_in_regions_or_in_a_legend():
    image = np.full((240, 320, 3), 90, np.uint8)
    segmentation = np.zeros((240, 320), int)
    segmentation[:, 200:] = 1
    segmentation[10:14, 10:14] = 2
    picture = draw_segmentation(image, segmentation, NAMES)
    areas = [has_color(picture, index) for index in range(3)]
    assert areas[0][:, 20:180].sum() > 100  # its name, not a border
    assert areas[1][:, 220:].sum() > 100
    assert areas[2].sum() > 100 > 16  # the region itself has 16 pixels


@pytest.mark.parametrize('dtype', [np.uint8, np.int16, np.int64])
@pytest.mark.parametrize('size', [(1, 1), (3, 500), (500, 2), (64, 48)], ids=str)
def test_any_segmentation_can_be_drawn(size, dtype):
    image = photograph(*size)
    segmentation = np.random.default_rng(0).integers(0, 120, image.shape[:2]).astype(dtype)
    if dtype != np.uint8:
        segmentation -= 5
    for count in (1, 3, 100, 1000):
        picture = draw_segmentation(image, segmentation, [f'class of things {index}' for index in range(count)])
        assert picture.shape == image.shape


@pytest.mark.slow
def test_drawing_says_nothing():
    """supervision is loaded when something is drawn, and neither warns nor logs."""
    program = """
import sys, warnings
from mmbackbones.visualization import drawing, draw_hook
import numpy as np
assert 'supervision' not in sys.modules
warnings.resetwarnings()
filters = list(warnings.filters)
image, masks = np.zeros((50, 50, 3), np.uint8), np.ones((1, 50, 50), bool)
drawing.draw_objects(image, np.array([[5, 5, 20, 20]]), None, np.array([0]), masks, ['\u732b'])
assert 'supervision' in sys.modules
assert warnings.filters == filters
"""
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
