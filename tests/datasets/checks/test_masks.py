"""Object masks in COCO files: which are accepted, and which are refused with one sentence."""

import json
import math

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.masks import box_of_mask, check_masks
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders

BOX = [10, 6, 20, 16]  # x, y, width, height
CORNERS = [10, 6, 30, 6, 30, 22, 10, 22]
WIDTH, HEIGHT = folders.SIZE


def pixels(left: int, top: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order='F')
    mask[top : top + height, left : left + width] = 1
    return mask


def compressed(*box: int) -> dict:
    rle = coco_mask.encode(pixels(*box))
    return rle | {'counts': rle['counts'].decode()}


def run_lengths(*box: int) -> dict:
    """Uncompressed: run lengths down the columns, those of zeros first."""
    flat = pixels(*box).ravel(order='F')
    changes = np.flatnonzero(np.diff(flat, prepend=0))
    return {'counts': np.diff([0, *changes, flat.size]).tolist(), 'size': [HEIGHT, WIDTH]}


def coco(mask: object, size: tuple = folders.SIZE, **values) -> dict:
    annotation = {'id': 7, 'image_id': 1, 'category_id': 1, 'bbox': BOX, 'segmentation': mask} | values
    image = {'id': 1, 'file_name': 'a.jpg', 'width': size[0], 'height': size[1]}
    return {'images': [image], 'annotations': [annotation], 'categories': [{'id': 1, 'name': 'cat'}]}


@pytest.mark.parametrize(
    'mask',
    [
        [CORNERS],
        [CORNERS[:6]],
        [CORNERS, [12.5, 8, 14, 8, 14, 9]],
        [[-5, 6, 30, 6, 30.5, 60, 9, 60]],  # beyond the image
        compressed(*BOX),
        run_lengths(*BOX),
        run_lengths(0, 0, 64, 48),
    ],
)
@pytest.mark.parametrize('iscrowd', [0, 1])
def test_accepted(mask, iscrowd):
    data = coco(mask, iscrowd=iscrowd)
    assert check_masks(data, 'train.json') is None
    assert data == coco(mask, iscrowd=iscrowd)


def as_text(counts):
    rle = coco_mask.frPyObjects({'counts': counts, 'size': [HEIGHT, WIDTH]}, HEIGHT, WIDTH)
    return rle | {'counts': rle['counts'].decode()}


NO_RLE = 'lacks the "counts" or "size" of a run-length encoding'
NO_LENGTHS = 'has run lengths that are not numbers of pixels'
POLYGON = 'has a polygon that is not made of pixel coordinates: '
REFUSED = {
    'text': ('CORNERS', 'is neither a list of polygons nor run-length encoded'),
    'one flat polygon': (CORNERS, r'is neither a list of polygons nor run-length encoded \(RLE\), but \[10, 6, '),
    'pairs': ([[[10, 6], [30, 6], [30, 22]]], 'has a polygon of 3 numbers, but needs x1, y1, x2, y2, x3, y3'),
    'more pairs': ([[[10, 6], [30, 6], [30, 22]] * 2], POLYGON),
    'two corners': ([CORNERS[:4]], 'has a polygon of 4 numbers'),
    'second is short': ([CORNERS, CORNERS[:4]], 'has a polygon of 4 numbers'),
    'no corner': ([[]], 'has a polygon of 0 numbers'),
    'odd': ([CORNERS[:7]], 'has a polygon of 7 numbers'),
    'NaN': ([[*CORNERS[:7], math.nan]], POLYGON),
    'infinite': ([[math.inf, *CORNERS[1:]]], POLYGON),
    'enormous': ([[10**400, 0.5, *CORNERS[2:]]], POLYGON),
    'null': ([[None, *CORNERS[1:]]], POLYGON),
    'words': ([list('123456')], POLYGON),
    'bools': ([[True, *CORNERS[1:]]], POLYGON),
    'fractions of the image': (
        [[value / 64 for value in CORNERS]],
        r'lies outside its bbox \[10, 6, 20, 16\]: it reaches '
        r'from \(0\.15625, 0\.09375\) to \(0\.46875, 0\.34375\), in pixels',
    ),
    'another object': ([[value + 21 for value in CORNERS[:4]] + [60, 60]], r'lies outside its bbox .* from \(31, 27\)'),
    'RLE of another object': (compressed(40, 30, 5, 5), r'lies outside its bbox .* from \(40, 30\) to \(45, 35\)'),
    'RLE of nothing': ({'counts': [WIDTH * HEIGHT], 'size': [HEIGHT, WIDTH]}, r'lies outside its bbox .* to \(0, 0\)'),
    'width before height': (compressed(*BOX) | {'size': [WIDTH, HEIGHT]}, 'is of 48x64 pixels, but its image .* 64x48'),
    'size of three': (run_lengths(*BOX) | {'size': [HEIGHT, WIDTH, 3]}, NO_RLE),
    'no size': ({'counts': run_lengths(*BOX)['counts']}, NO_RLE),
    'no counts': ({'size': [HEIGHT, WIDTH]}, NO_RLE),
    'counts of nothing': ({'counts': '', 'size': [HEIGHT, WIDTH]}, NO_RLE),
    'too few runs': (run_lengths(*BOX) | {'counts': [100, 200]}, 'run lengths for 300 pixels, but its size is 64x48'),
    'too many runs': (run_lengths(*BOX) | {'counts': [100, 2**32]}, 'has run lengths for 4294967396 pixels'),
    'negative runs': (run_lengths(*BOX) | {'counts': [-1, WIDTH * HEIGHT + 1]}, NO_LENGTHS),
    'fractions of pixels': (run_lengths(*BOX) | {'counts': [0.5, WIDTH * HEIGHT - 0.5]}, NO_LENGTHS),
    'garbage': (compressed(*BOX) | {'counts': '~~~garbage~~~'}, 'cannot be decoded'),
    'text of too few runs': (as_text([100, 200]), 'run lengths for 300 pixels, but its size is 64x48'),
    'text of too many runs': (as_text([100, 200, 4000]), 'run lengths for 4300 pixels, but its size is 64x48'),
    'text without an end': (compressed(*BOX) | {'counts': compressed(*BOX)['counts'] + 'o'}, 'cannot be decoded'),
    'text of a negative run': (compressed(*BOX) | {'counts': 'O'}, 'cannot be decoded'),
    'text of an endless run': (compressed(*BOX) | {'counts': 'o' * 30 + '0'}, 'cannot be decoded'),
    'not ASCII': (compressed(*BOX) | {'counts': 'éü'}, 'cannot be decoded'),
}


@pytest.mark.parametrize(('mask', 'message'), REFUSED.values(), ids=REFUSED)
def test_refused(mask, message):
    with pytest.raises(UserError, match=rf'^train\.json: annotation 7 has a mask that .*{message}') as caught:
        check_masks(coco(mask), 'train.json')
    assert '\n' not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(('size', 'said'), [((64, 50), 'is said to be of 64x50'), ((None, 48), 'states no size')])
def test_an_rle_needs_the_size_of_its_image(size, said):
    check_masks(coco([CORNERS], size), 'train.json')
    with pytest.raises(UserError, match=f'is of 64x48 pixels, but its image {said}'):
        check_masks(coco(compressed(*BOX), size), 'train.json')


@pytest.mark.parametrize(
    ('mask', 'box'),
    [
        ([[4, 6, 24, 6, 24, 16]], [4, 6, 20, 10]),
        ([[4, 6, 24, 6, 24, 16], [1.5, 8, 2, 9, 2, 20]], [1.5, 6, 22.5, 14]),
        (run_lengths(4, 6, 20, 10), [4, 6, 20, 10]),
        (compressed(4, 6, 20, 10), [4, 6, 20, 10]),
        ([[-5, 0, 70, 0, 70, 20]], [-5, 0, 75, 20]),  # to be clipped
        (run_lengths(4, 6, 20, 10) | {'size': [47, 64]}, None),
        (run_lengths(4, 6, 20, 10) | {'counts': [1, 2]}, None),
        ({'counts': '\u00e9', 'size': list(folders.SIZE[::-1])}, None),
        ({'counts': '', 'size': list(folders.SIZE[::-1])}, None),
        ([], None),
        ([[]], None),
        ([[1, 2, 3, 4]], None),
        ([[1, 2, 3, 4, 5, math.nan]], None),
        ([[1, 2, 3, 4, 5, 'x']], None),
        (['x'], None),
        ('x', None),
        (3, None),
    ],
)
def test_box_of_mask(mask, box):
    assert box_of_mask(mask, list(folders.SIZE[::-1])) == box


@pytest.mark.parametrize('size', [[0, 0], [None, None], [10**9, 10**9], ['a', 'b'], [True, True]])
def test_no_box_of_an_rle_of_an_impossible_size(size):
    assert box_of_mask({'counts': '04P9', 'size': size}, size) is None


def add_masks(root, split: str, count: int) -> None:
    file = root / f'annotations/{split}.json'
    content = json.loads(file.read_text())
    for annotation in content['annotations'][:count]:
        x, y, w, h = annotation['bbox']
        annotation['segmentation'] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    file.write_text(json.dumps(content))


def test_every_annotation_of_every_split_needs_one(root, out_dir):
    with pytest.raises(UserError, match=r'train\.json: no annotation has a mask, but Mask R-CNN needs one'):
        load_detection(root, out_dir, masks=True)
    add_masks(root, 'train', 3)
    with pytest.raises(UserError, match=r'train\.json: only 3 of its 4 annotations have .*annotation 4 has none'):
        load_detection(root, out_dir, masks=True)
    add_masks(root, 'train', 4)
    with pytest.raises(UserError, match=r'val\.json: no annotation has .* RetinaNet trains on boxes alone'):
        load_detection(root, out_dir, masks=True)
    add_masks(root, 'val', 3)
    data = load_detection(root, out_dir, splits=['train', 'val'], masks=True)
    assert data.splits['train'].ann_file == root / 'annotations/train.json'
    assert load_detection(root, out_dir).format == 'plain COCO'  # test.json has none, and boxes do not need any


def test_what_is_dropped_needs_no_mask(root, out_dir):
    for split, count in {'train': 4, 'val': 3, 'test': 2}.items():
        add_masks(root, split, count)
        file = root / f'annotations/{split}.json'
        content = json.loads(file.read_text())
        image = content['images'][0]['id']
        for number, box in enumerate([[5, 5, 0, 9], [70, 5, 9, 9], [-9, 5, 5, 5]], 100):  # the first of no width
            content['annotations'].append(
                {
                    'id': number,
                    'image_id': image,
                    'category_id': 2,
                    'bbox': box,
                    'area': 9,
                    'iscrowd': 0,
                    'segmentation': [],
                }
            )
        content['annotations'][0]['segmentation'] += [[1, 1, 2, 2], []]
        file.write_text(json.dumps(content))
    for without_sizes in (False, True):
        data = load_detection(root, out_dir, masks=True)
        said = '3 boxes without area dropped, 2 parts of masks with fewer than three corners dropped'
        assert all(
            any(note.startswith(f'annotations/{split}.json: ') and said in note for note in data.notes)
            for split in data.splits
        )
        val = json.loads(data.splits['val'].ann_file.read_text())['annotations']
        assert [len(item['segmentation']) for item in val] == [1, 1, 1]
        assert data.splits['train'].boxes == 4
        if not without_sizes:  # they are not known before the images have been read, then
            assert data.splits['train'].ann_file == root / 'annotations/train.json'  # CocoDataset drops by itself
            for file in root.glob('annotations/*.json'):
                file.write_text(file.read_text().replace('"width": 64, "height": 48', '"width": null, "height": 0'))


def test_an_rle_of_an_image_whose_size_is_not_stated(root, out_dir):
    for split, count in {'train': 4, 'val': 3, 'test': 2}.items():
        add_masks(root, split, count)
    file = root / 'annotations/val.json'
    content = json.loads(file.read_text())
    content['annotations'][0].update(bbox=BOX, segmentation=compressed(*BOX))
    del content['images'][0]['width']
    file.write_text(json.dumps(content))
    assert load_detection(root, out_dir, masks=True).splits['val'].boxes == 3
    content['annotations'][0]['segmentation']['size'] = [WIDTH, HEIGHT]
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match='has a mask that is of 48x64 pixels, but its image is said to be of 64x48'):
        load_detection(root, out_dir, masks=True)


def test_pascal_voc_has_no_masks(tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    with pytest.raises(UserError, match=r'ImageSets/Main/train\.txt: no annotation has a mask'):
        load_detection(tmp_path / 'user', out_dir, masks=True)


def test_yolo_polygons_are_masks(tmp_path, out_dir):
    root = tmp_path / 'user'
    folders.yolo(root)
    with pytest.raises(UserError, match=r'data\.yaml \(train\): no annotation has a mask'):
        load_detection(root, out_dir, masks=True)
    for file in root.glob('labels/*/*.txt'):
        file.write_text('1 0.25 0.25 0.75 0.25 0.25 0.75\n')
    data = load_detection(root, out_dir, masks=True)
    assert [
        json.loads(split.ann_file.read_text())['annotations'][0]['segmentation'] for split in data.splits.values()
    ] == [[[16, 12, 48, 12, 16, 36]]] * 3
