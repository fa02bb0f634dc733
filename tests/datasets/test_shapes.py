"""The generated data set "shapes": its files, its statistics, and folders that are not its own."""

import contextlib
import io
import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmbackbones.datasets import shapes
from mmbackbones.datasets.shapes import CLASSES, MAX_HIDDEN, SPLITS, draw_image, generate_shapes, usual_hue
from mmbackbones.errors import UserError

COUNTS = {'train': 120, 'val': 5}
TINY = {'num_train': 3, 'num_val': 2, 'size': 64}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return generate_shapes(tmp_path_factory.mktemp('data') / 'shapes', num_train=COUNTS['train'], num_val=COUNTS['val'])


@pytest.fixture(scope='module')
def train(root):
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(root / 'annotations/train.json')


def contents(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob('*') if path.is_file()}


def guess_by_hue(root, coco, annotation):
    """Category id whose usual hue is nearest to the instance's mean hue."""
    image = cv2.imread(str(root / 'images' / coco.imgs[annotation['image_id']]['file_name']))
    hues = cv2.cvtColor(np.float32(image) / 255, cv2.COLOR_BGR2HSV)[coco.annToMask(annotation) > 0, 0]
    mean = np.exp(1j * np.deg2rad(hues)).mean()
    return 1 + max(range(len(CLASSES)), key=lambda label: (mean * np.exp(-1j * np.deg2rad(usual_hue(label)))).real)


def map50(coco, categories):
    """bbox mAP at IoU 0.5 of the ground-truth boxes under the given categories."""
    results = [
        {**annotation, 'category_id': category, 'score': 1.0}
        for annotation, category in zip(coco.anns.values(), categories, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco, coco.loadRes(results), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[1]


@pytest.mark.parametrize(('split', 'folder'), SPLITS.items())
def test_layout(root, split, folder):
    content = json.loads((root / f'annotations/{split}.json').read_text())
    stems = [f'{index:06}' for index in range(1, COUNTS[split] + 1)]
    assert [image['file_name'] for image in content['images']] == [f'{folder}/{stem}.jpg' for stem in stems]
    assert sorted(path.name for path in (root / 'images' / folder).iterdir()) == [f'{stem}.jpg' for stem in stems]
    assert sorted(path.name for path in (root / 'annotations' / folder).iterdir()) == [f'{stem}.png' for stem in stems]
    assert [(category['id'], category['name']) for category in content['categories']] == list(enumerate(CLASSES, 1))
    assert (root / 'classes.txt').read_text().split() == ['background', *CLASSES]
    assert [annotation['id'] for annotation in content['annotations']] == [*range(1, len(content['annotations']) + 1)]
    assert {annotation['image_id'] for annotation in content['annotations']} == {i['id'] for i in content['images']}
    for image in content['images']:
        assert cv2.imread(str(root / 'images' / image['file_name'])).shape == (image['height'], image['width'], 3)


def test_boxes_and_areas_fit_the_masks(train):
    for annotation in train.anns.values():
        rows, columns = np.nonzero(train.annToMask(annotation))
        x, y = columns.min(), rows.min()
        assert annotation['bbox'] == [x, y, columns.max() + 1 - x, rows.max() + 1 - y]
        assert annotation['area'] == len(rows)


def test_masks_are_those_of_the_drawn_shapes(root, train):
    for image_id in list(train.imgs)[::4]:
        image, drawn = draw_image(0, 'train', image_id, 128)
        annotations = train.imgToAnns[image_id]
        assert len(drawn) == len(annotations)
        semantic = np.ones((128, 128))
        for shape, annotation in zip(drawn, annotations, strict=True):
            semantic[shape.whole] = annotation['category_id'] + 1  # the last one is on top
            assert np.array_equal(train.annToMask(annotation), shape.visible)
            assert isinstance(annotation['segmentation'], dict) == (shape.visible.sum() < shape.whole.sum())
            assert shape.visible.sum() >= (1 - MAX_HIDDEN) * shape.whole.sum()
        for annotation in annotations:
            assert (semantic[train.annToMask(annotation) > 0] == annotation['category_id'] + 1).all()
        stem = f'training/{image_id:06}'
        assert np.array_equal(cv2.imread(str(root / f'annotations/{stem}.png'), cv2.IMREAD_UNCHANGED), semantic)
        stored = cv2.imread(str(root / f'images/{stem}.jpg')).astype(float)
        assert np.abs(stored - image).mean() < 12  # the same image but for JPEG's loss


def test_variety(train):
    annotations = list(train.anns.values())
    hidden = np.mean([isinstance(annotation['segmentation'], dict) for annotation in annotations])
    sides = np.sqrt([annotation['area'] for annotation in annotations])
    assert 0.2 < hidden < 0.6
    assert np.quantile(sides, 0.1) < 20
    assert np.quantile(sides, 0.9) > 40
    assert min(np.bincount([annotation['category_id'] for annotation in annotations])[1:]) > 40


def test_color_helps_but_does_not_decide(root, train):
    categories = [annotation['category_id'] for annotation in train.anns.values()]
    guesses = [guess_by_hue(root, train, annotation) for annotation in train.anns.values()]
    assert 0.73 < np.mean(np.equal(categories, guesses)) < 0.87
    assert map50(train, categories) > 0.999
    assert 0.55 < map50(train, guesses) < 0.8
    assert all(map50(train, [constant] * len(categories)) < 0.15 for constant in range(1, len(CLASSES) + 1))


def test_equal_seeds_give_equal_files(tmp_path):
    first, second, other = (
        generate_shapes(tmp_path / name, seed=seed, **TINY) for name, seed in (('a', 7), ('b', 7), ('c', 8))
    )
    assert contents(first) == contents(second)
    assert (first / 'images/training/000001.jpg').read_bytes() != (other / 'images/training/000001.jpg').read_bytes()
    assert (first / 'images/training/000001.jpg').read_bytes() != (first / 'images/validation/000001.jpg').read_bytes()


def test_written_once_and_replaced_by_a_set_of_other_arguments(tmp_path, monkeypatch):
    root = generate_shapes(tmp_path / 'new/shapes', **TINY)
    before = contents(root)
    with monkeypatch.context() as patch:
        patch.setattr(shapes, 'draw_image', None)  # a second drawing would fail
        assert generate_shapes(root, **TINY) == root
    (root / 'images/training/000002.jpg').unlink()
    assert contents(generate_shapes(root, **TINY)) == before
    assert len(contents(generate_shapes(root, **TINY | {'num_train': 1}))) == len(before) - 4
    assert [path.name for path in root.parent.iterdir()] == ['shapes']


def test_processes_side_by_side(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        roots = [*pool.map(lambda _: generate_shapes(tmp_path / 'shapes', **TINY), range(4))]
    assert roots == [tmp_path / 'shapes'] * 4
    assert len(contents(tmp_path)) == 2 * 5 + 4


def test_a_killed_process_leaves_no_set(tmp_path):
    root = tmp_path / 'shapes'
    code = f'from mmbackbones.datasets.shapes import generate_shapes; generate_shapes({str(root)!r}, num_train=99999)'
    with subprocess.Popen([sys.executable, '-c', code]) as process:
        deadline = time.monotonic() + 60
        while not [*tmp_path.rglob('*.jpg')] and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert [*tmp_path.rglob('*.jpg')]
    assert not root.exists()
    assert len(contents(generate_shapes(root, **TINY))) == 2 * 5 + 4


def test_sets_from_before_the_module_moved_are_not_generated_again(tmp_path, monkeypatch):
    root = generate_shapes(tmp_path / 'shapes', **TINY)
    arguments = {'num_train': 3, 'num_val': 2, 'size': 64, 'seed': 0}
    marker = {'generator': 'mmbackbones.data.shapes', 'version': 2} | arguments
    (root / 'shapes.json').write_text(json.dumps(marker))
    monkeypatch.setattr(shapes, 'draw_image', None)
    assert generate_shapes(root, **TINY) == root


def test_usual_hues_are_far_apart():
    hues = [usual_hue(label) for label in range(len(CLASSES))]
    assert hues == [0, 90, 180, 270]


@pytest.mark.parametrize('name', ['photo.jpg', 'images/training/000001.jpg', 'shapes.json'])
def test_a_folder_with_other_files_is_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text('foreign')
    with pytest.raises(UserError, match=name):
        generate_shapes(tmp_path, **TINY)
    assert list(contents(tmp_path).values()) == [b'foreign']


def test_a_set_with_added_files_is_not_replaced(tmp_path):
    generate_shapes(tmp_path, **TINY)  # into an empty folder
    (tmp_path / 'notes.txt').write_text('foreign')
    generate_shapes(tmp_path, **TINY)
    with pytest.raises(UserError, match=r'notes\.txt'):
        generate_shapes(tmp_path, seed=1, **TINY)
    assert (tmp_path / 'notes.txt').read_text() == 'foreign'


@pytest.mark.parametrize('bad', [{'num_train': 0}, {'num_val': -1}, {'size': 16}, {'seed': -1}])
def test_arguments_out_of_range(tmp_path, bad):
    with pytest.raises(ValueError, match=f'{next(iter(bad))} must be between'):
        generate_shapes(tmp_path / 'shapes', **bad)
    assert not (tmp_path / 'shapes').exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='cannot write the generated shapes data set to .*file/shapes: '):
        generate_shapes(tmp_path / 'file/shapes', **TINY)
