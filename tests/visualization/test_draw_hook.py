"""Where pictures of predictions are written, and that any class name can be drawn."""

import json
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
from mmbackbones.visualization import draw_hook as drawing
from mmbackbones.visualization.draw_hook import DrawHook
from mmbackbones.visualization.plots import plot_curve


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


def draw(images, folder, classes=('cat',), kind=DetLocalVisualizer, tested=None):
    visualizer = kind()
    visualizer.dataset_meta = dict(classes=classes, palette=[(1, 2, 3)] * len(classes))
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
    monkeypatch.setattr(drawing, 'all_gather_object', lambda own: [own, [detected(others)]])
    assert draw(images, tmp_path / 'shown', tested=[mine]) == {'a/x.jpg', 'b/x.jpg'}


def test_a_curve_may_have_any_name(tmp_path):
    records = [dict(iter=1, loss=2.0), dict(iter=2, loss=1.0), {'coco/bbox_AP_$\\frac$\x1b': 0.5}]
    (tmp_path / '1/vis_data').mkdir(parents=True)
    (tmp_path / '1/vis_data/scalars.json').write_text('\n'.join(map(json.dumps, records)))
    plot_curve(tmp_path, 'coco/bbox_AP_$\\frac$\x1b', tmp_path / 'curve.png')
    assert cv2.imread(str(tmp_path / 'curve.png')) is not None
