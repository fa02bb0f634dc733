"""Predictions are drawn beside the ground truth, under a path of their own, with any class name."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.visualization import DetLocalVisualizer
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer

from mmbackbones.errors import UserError
from mmbackbones.visualization import draw_hook
from mmbackbones.visualization.draw_hook import DrawHook, image_paths, picture_paths


class Images:
    """A data set of these files."""

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
        path.write_bytes(cv2.imencode('.png', np.full((20, 30, 3), 90, np.uint8))[1])
    return Images(folder, names)


def detected(path):
    found = InstanceData(bboxes=torch.tensor([[2.0, 2, 20, 15]]), labels=torch.tensor([0]))
    sample = DetDataSample(metainfo=dict(img_path=path))
    sample.gt_instances = found
    sample.pred_instances = InstanceData(**dict(found.items()), scores=torch.tensor([0.9]))
    return sample


def segmented(path):
    sample = SegDataSample(metainfo=dict(img_path=path))
    sample.gt_sem_seg = sample.pred_sem_seg = PixelData(data=torch.zeros(1, 20, 30, dtype=torch.long))
    return sample


def draw(images, folder, classes=('cat',), kind=DetLocalVisualizer, tested=None, palette=None):
    visualizer = kind()
    visualizer.dataset_meta = dict(classes=classes, palette=palette or [(1, 2, 3)] * len(classes))
    runner = SimpleNamespace(visualizer=visualizer, test_dataloader=SimpleNamespace(dataset=images))
    hook = DrawHook(folder=str(folder))
    hook.before_run(runner)
    sample = detected if kind is DetLocalVisualizer else segmented
    hook.after_test_iter(runner, 0, outputs=[sample(path) for path in tested or images.paths])
    return {path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file()}


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


@pytest.mark.parametrize('kind', [DetLocalVisualizer, SegLocalVisualizer])
@pytest.mark.parametrize('name', ['$\\frac$', '$x_1$', 'a$b', '[/b]', '\x1b[31m', '\ud800', 'ünïcode', 'a\nb', ''])
def test_any_class_name_can_be_drawn(tmp_path, kind, name):
    assert draw(make_images(tmp_path / 'data', ['x.png']), tmp_path / 'shown', (name,), kind) == {'x.jpg'}


def test_a_dollar_sign_is_drawn(tmp_path):
    """As mathematics, the two names would look the same."""
    images = make_images(tmp_path / 'data', ['x.png'])
    pictures = []
    for folder, name in (('one', '$ab$'), ('two', '${ab}$')):
        draw(images, tmp_path / folder, (name,))
        pictures.append((tmp_path / folder / 'x.jpg').read_bytes())
    assert pictures[0] != pictures[1]


def test_the_first_process_draws_for_all(tmp_path, monkeypatch):
    images = make_images(tmp_path / 'data', ['a/x.png', 'b/x.png'])
    mine, others = images.paths
    monkeypatch.setattr(draw_hook, 'all_gather_object', lambda own: [own, [detected(others)]])
    assert draw(images, tmp_path / 'shown', tested=[mine]) == {'a/x.jpg', 'b/x.jpg'}


def test_the_ground_truth_is_on_the_left_and_the_prediction_on_the_right(tmp_path, monkeypatch):
    images = make_images(tmp_path / 'data', ['x.png'])
    sample = segmented(images.paths[0])
    sample.pred_sem_seg = PixelData(data=torch.ones(1, 20, 30, dtype=torch.long))
    monkeypatch.setitem(globals(), 'segmented', lambda path: sample)
    draw(images, tmp_path / 'shown', ('road', 'car'), SegLocalVisualizer, palette=[(250, 0, 0), (0, 0, 250)])
    picture = cv2.imread(str(tmp_path / 'shown/x.jpg')).astype(int)
    left, right = picture[:, :30].mean((0, 1)), picture[:, 30:].mean((0, 1))  # blue, green, red
    assert picture.shape == (20, 60, 3)
    assert left[2] > left[0] + 50
    assert right[0] > right[2] + 50
