"""Predictions are drawn beside the ground truth, under a path of their own, with any class name."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample

from mmbackbones.errors import UserError
from mmbackbones.evaluation.coco_form import encode
from mmbackbones.utils.output_paths import picture_paths
from mmbackbones.visualization import draw_hook
from mmbackbones.visualization.class_colors import class_color
from mmbackbones.visualization.draw_hook import DrawHook, image_paths


class Images:
    """A data set of these files."""

    metainfo = dict(classes=('cat',))

    def __init__(self, folder, names):
        self.paths = [str(folder / name) for name in names]

    def __len__(self):
        return len(self.paths)

    def get_data_info(self, index):
        return dict(img_path=self.paths[index])


def make_images(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(cv2.imencode('.png', np.full((40, 60, 3), 90, np.uint8))[1])
    return Images(folder, names)


def detected(path, score=0.9):
    box, label = torch.tensor([[10.0, 20, 30, 35]]), torch.tensor([0])
    masks = np.zeros((1, 40, 60), bool)
    masks[0, 20:35, 10:30] = True
    sample = DetDataSample(metainfo=dict(img_path=path))
    truth_masks = BitmapMasks(masks.astype(np.uint8), 40, 60)
    sample.gt_instances = InstanceData(bboxes=HorizontalBoxes(box), labels=label, masks=truth_masks)
    scores = torch.tensor([score])
    sample.pred_instances = InstanceData(bboxes=box, labels=label, scores=scores, masks=torch.from_numpy(masks))
    return sample


def segmented(path):
    sample = SegDataSample(metainfo=dict(img_path=path))
    sample.gt_sem_seg = sample.pred_sem_seg = PixelData(data=torch.zeros(1, 40, 60, dtype=torch.long))
    return sample


def draw(images, folder, classes=('cat',), sample=detected):
    images.metainfo = dict(classes=classes)
    runner = SimpleNamespace(test_dataloader=SimpleNamespace(dataset=images))
    hook = DrawHook(folder=str(folder))
    hook.before_run(runner)
    hook.after_test_iter(runner, 0, outputs=[sample(path) for path in images.paths])
    return {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}


def halves(folder, sample, classes=('cat',)):
    """The ground truth and the prediction as they are drawn of one image, in RGB."""
    assert draw(make_images(folder / 'data', ['x.png']), folder / 'shown', classes, sample) == {'x.jpg'}
    picture = cv2.imread(str(folder / 'shown/x.jpg'))[..., ::-1].astype(int)
    assert picture.shape == (40, 120, 3)
    return picture[:, :60], picture[:, 60:]


@pytest.mark.parametrize(
    ('images', 'pictures'),
    [
        (['a/x.jpg', 'b/x.jpg', 'b/x_2.jpg'], {'a/x.jpg', 'b/x.jpg', 'b/x_2.jpg'}),
        (['a/x.jpg', 'a/x.png', 'b/x.png'], {'a/x.jpg.jpg', 'a/x.png.jpg', 'b/x.jpg'}),
        (['x.jpg', 'x.png', 'x.jpg.png', 'y'], {'x.jpg.jpg', 'x.png.jpg', 'x.jpg.png.jpg', 'y.jpg'}),
        (['x', 'x.jpg', 'x.jpg.jpg'], {'x.jpg', 'x.jpg.jpg', 'x.jpg.jpg.jpg'}),
        (['x.jpg/y.png', 'x.png'], {'x.jpg/y.jpg', 'x.png.jpg'}),
        (['deep/a/[red]/x.png', 'deep/a/y.1.png', 'deep/a/y.2.png'], {'[red]/x.jpg', 'y.1.jpg', 'y.2.jpg'}),
    ],
)
def test_every_image_has_a_picture_in_its_own_folder(tmp_path, images, pictures):
    dataset = Images(tmp_path / 'data', images)
    paths = picture_paths(image_paths(dataset), tmp_path / 'shown')
    assert {path.relative_to(tmp_path / 'shown').as_posix() for path in paths.values()} == pictures
    assert list(paths) == [str(tmp_path / 'data' / image) for image in images]
    assert draw(make_images(tmp_path / 'data', images), tmp_path / 'shown') == pictures


def test_no_picture_is_written_over_an_image_or_among_them(tmp_path):
    images = make_images(tmp_path, ['day/a.jpg', 'night/b.png'])
    before = Path(images.paths[0]).read_bytes()
    (tmp_path / 'link').symlink_to(tmp_path)
    for folder in (tmp_path, tmp_path / 'link', tmp_path / 'day' / '..'):
        with pytest.raises(UserError, match='among the images in .*day'):
            draw(images, folder)
    assert Path(images.paths[0]).read_bytes() == before
    assert sorted(path.name for path in tmp_path.rglob('*.*')) == ['a.jpg', 'b.png']


@pytest.mark.parametrize('sample', [detected, segmented])
@pytest.mark.parametrize('name', ['$\\frac$', '$x_1$', 'a$b', '[/b]', '\x1b[31m', '\ud800', 'ünïcode', 'a\nb', ''])
def test_any_class_name_can_be_drawn(tmp_path, sample, name):
    assert draw(make_images(tmp_path / 'data', ['x.png']), tmp_path / 'shown', (name,), sample) == {'x.jpg'}


def test_the_ground_truth_is_on_the_left_and_the_prediction_on_the_right(tmp_path):
    def sample(path):
        wrong = segmented(path)
        wrong.pred_sem_seg = PixelData(data=torch.ones(1, 40, 60, dtype=torch.long))
        return wrong

    for index, half in enumerate(halves(tmp_path, sample, ('road', 'car'))):
        tint = 0.6 * 90 + 0.4 * np.array(class_color(index))
        assert np.abs(np.median(half, axis=(0, 1)) - tint).max() < 8


def test_ground_truth_and_prediction_are_drawn_alike(tmp_path):
    """But for the score, which only a prediction has."""
    truth, found = halves(tmp_path, detected)
    assert np.abs(truth[20:35, 10:30] - found[20:35, 10:30]).max() < 40  # JPEG's own differences
    assert np.abs(truth[27, 20] - 90).max() > 20
    assert np.abs(truth - found).max() > 60


def test_masks_of_tiles_are_drawn_as_others(tmp_path):
    def of_tiles(path):
        sample = detected(path)
        sample.pred_instances.masks = [encode(mask.numpy()) for mask in sample.pred_instances.masks]
        return sample

    assert np.array_equal(halves(tmp_path / 'tiles', of_tiles), halves(tmp_path / 'whole', detected))


def test_objects_of_low_scores_are_not_drawn(tmp_path):
    truth, found = halves(tmp_path, lambda path: detected(path, score=0.29))
    assert np.abs(truth - 90).max() > 60
    assert np.abs(found[:, 8:] - 90).max() < 10  # apart from where the halves meet


@pytest.mark.parametrize('sample', [detected, segmented])
def test_images_without_ground_truth_are_drawn_once(tmp_path, sample):
    def alone(path):
        found = sample(path)
        del found[{detected: 'gt_instances', segmented: 'gt_sem_seg'}[sample]]
        return found

    draw(make_images(tmp_path / 'data', ['x.png']), tmp_path / 'shown', sample=alone)
    assert cv2.imread(str(tmp_path / 'shown/x.jpg')).shape == (40, 60, 3)


def test_a_picture_too_large_for_its_format_is_scaled_down(tmp_path, monkeypatch):
    monkeypatch.setattr(draw_hook, '_LARGEST_JPEG', 60)
    draw(make_images(tmp_path / 'data', ['x.png']), tmp_path / 'shown')
    assert cv2.imread(str(tmp_path / 'shown/x.jpg')).shape == (20, 60, 3)
