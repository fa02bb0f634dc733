"""Images and label maps that can no longer be read during training: ``--on-bad-data``."""

import pickle
import random
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmdet.datasets import CocoDataset, MultiImageMixDataset
from mmengine.config import Config
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, DefaultScope

from mmbackbones.apis import train
from mmbackbones.engine.loops.positions import PositionedDataset
from mmbackbones.engine.watched_files import UnreadableFile, watch_files
from mmbackbones.errors import RunFailed
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal
from tests.helpers.results import steady_rows

pytestmark = pytest.mark.slow


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    """Keep three quarters: OpenCV reads that, with gray in place of the rest."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])


def shrink(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((48, 32), np.uint8))


def color(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((64, 64, 3), np.uint8))


def spoil(path: Path) -> None:
    path.write_bytes(b'no image')


@HOOKS.register_module()
class BreakFilesHook(Hook):
    """Breaks files after the check of the data."""

    broken = ()  # pairs of a function and a file

    def before_train(self, runner) -> None:
        for change, path in self.broken:
            change(path)


@pytest.fixture
def breaking(monkeypatch):
    def break_files(*broken) -> None:
        monkeypatch.setattr(BreakFilesHook, 'broken', broken)

    return break_files


@pytest.fixture
def data(shapes, tmp_path) -> Path:
    return Path(shutil.copytree(shapes, tmp_path / 'data'))


@pytest.fixture(scope='module')
def flat(tiny_config, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp('config') / 'tiny.py'
    Config.fromfile(tiny_config).dump(path)
    return str(path)


def start(config: str, data: Path, folder: Path, workers: int = 0, **more):
    options = {
        'train_dataloader.num_workers': workers,
        'val_dataloader.num_workers': 0,
        'train_cfg.val_interval': 6,
        'default_hooks.checkpoint.interval': 2,
        'custom_hooks': [dict(type='BreakFilesHook')],
    }
    arguments = dict(img_scale=(64, 64), iters=6, batch_size=2, work_dir=str(folder), cfg_options=options)
    return train(config, data=str(data), **{**arguments, **more})


def said(folder) -> list[str]:
    log = max(folder.glob('*/*.log')).read_text().splitlines()
    return [line.split(' - ')[-1] for line in log if 'other images take' in line or 'another image took' in line]


def test_others_take_their_place(flat, data, shapes, tmp_path, breaking):
    """By a rule that knows seed and position alone: workers and resumes make no difference."""
    images = sorted((data / 'images/training').iterdir())
    breaking((remove, images[0]), (cut, images[3]), (shrink, images[5]), (spoil, images[6]))
    start(flat, data, tmp_path / 'whole', on_bad_data='skip')
    whole = load_from_file(tmp_path / 'whole/iter_6.pth')
    lines = said(tmp_path / 'whole')
    assert len(lines) == 5
    for path, what in (
        (images[0], 'no longer exists'),
        (images[3], 'cannot be read: '),
        (images[5], 'has 32x48 pixels, not 64x64 as its annotations say'),
        (images[6], 'cannot be read: it is not an image file of a known format'),
    ):
        assert sum(f'{path} {what}' in line for line in lines[:-1]) == 1
        assert f'{path} {what}' in lines[-1]
    kept = whole['left_out']['bad data']
    assert f'{kept["count"]} times another image took the place of one that could not be read: ' in lines[-1]
    assert len(kept['files']) == 4
    for name, workers, resume in (('workers', 2, None), ('resumed', 0, tmp_path / 'whole/iter_4.pth')):
        shutil.rmtree(data)
        shutil.copytree(shapes, data)
        start(flat, data, tmp_path / name, workers, on_bad_data='skip', resume=resume and str(resume))
        found = load_from_file(tmp_path / name / 'iter_6.pth')
        assert_equal(found['state_dict'], whole['state_dict'])
        assert found['left_out'] == whole['left_out']
        assert steady_rows(tmp_path / name) == steady_rows(tmp_path / 'whole')


def test_the_run_ends_by_default(flat, data, tmp_path, breaking):
    image = sorted((data / 'images/training').iterdir())[2]
    breaking((remove, image))
    with pytest.raises(RunFailed) as error:
        start(flat, data, tmp_path / 'run', workers=1)
    assert error.value.on_all_processes
    number = int(str(error.value).split()[1])
    assert 1 <= number <= 4
    last = f'the last good checkpoint is {tmp_path}/run/iter_2.pth' if number > 2 else 'there is no checkpoint yet'
    assert str(error.value) == (
        f'iteration {number} cannot be trained on: {image} no longer exists; {last}; put the file back as it was and '
        'continue with --resume (with --on-bad-data skip a run goes on without such files)'
    )


@pytest.mark.parametrize('workers', [0, 1])
def test_a_validation_is_of_all_images(flat, data, tmp_path, breaking, workers):
    image = sorted((data / 'images/validation').iterdir())[1]
    breaking((cut, image))
    options = {'train_cfg.val_interval': 2, 'val_dataloader.num_workers': workers}
    options |= {'train_dataloader.num_workers': 0, 'custom_hooks': [dict(type='BreakFilesHook')]}
    with pytest.raises(RunFailed) as error:
        start(flat, data, tmp_path / 'run', on_bad_data='skip', cfg_options=options)
    assert str(error.value).startswith(f'the validation cannot go on: {image} cannot be read: ')
    assert 'put the file back as it was and continue with --resume' in str(error.value)


def test_too_many_are_missing(flat, data, tmp_path, breaking):
    breaking(*((remove, path) for path in (data / 'images/training').iterdir()))
    with pytest.raises(RunFailed, match='^iteration 1 cannot go on: .* no longer exists, nor can any of 8 images'):
        start(flat, data, tmp_path / 'run', on_bad_data='skip')


def test_label_maps(tiny_seg_config, data, tmp_path, breaking):
    maps = sorted((data / 'annotations/training').iterdir())
    breaking((remove, maps[0]), (shrink, maps[3]), (cut, maps[5]), (color, maps[6]))
    start(tiny_seg_config, data, tmp_path / 'run', on_bad_data='skip', iters=4)
    lines = said(tmp_path / 'run')
    for path, what in (
        (maps[0], 'no longer exists'),
        (maps[3], 'has 32x48 pixels, not 64x64 as its image has'),
        (maps[5], 'cannot be read: '),
        (maps[6], 'has colors in place of labels'),
    ):
        assert f'{path} {what}' in lines[-1]


@pytest.fixture
def boxes(data):
    """The training data, without augmentation."""
    steps = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True)]
    folder = dict(img=f'{data}/images/')
    with DefaultScope.overwrite_default_scope('mmdet'):
        return CocoDataset(ann_file=str(data / 'annotations/train.json'), data_prefix=folder, pipeline=steps)


@pytest.mark.parametrize(
    'wrap',
    [
        lambda dataset: dataset,
        lambda dataset: RepeatDataset(dataset, 2),
        lambda dataset: ConcatDataset([dataset, dataset]),
        lambda dataset: MultiImageMixDataset(dataset, [dict(type='mmdet.RandomFlip', prob=0.5)]),
    ],
    ids=['plain', 'repeated', 'joined', 'mixed'],
)
@pytest.mark.parametrize('checked', [True, False])
def test_wrapped_data(boxes, wrap, checked):
    dataset = wrap(boxes)
    watch_files(dataset, checked)
    assert dataset[0]['img'].shape == (64, 64, 3)
    path = Path(boxes.get_data_info(0)['img_path'])
    shrink(path)
    if checked:
        with pytest.raises(UnreadableFile, match='has 32x48 pixels, not 64x64'):
            dataset[0]
    else:  # whoever wrote the annotations knows
        assert dataset[0]['img'].shape == (48, 32, 3)
    path.unlink()
    with pytest.raises(UnreadableFile, match=f'^{path} no longer exists$'):
        dataset[0]
    assert pickle.loads(pickle.dumps(dataset))[1]['img'].shape == (64, 64, 3)  # for workers that are not forked


def test_storage_that_fails(boxes, monkeypatch):
    """The file is fine, or was a moment later."""

    def fail(*args, **kwargs):
        raise OSError(5, 'Input/output error')

    watch_files(boxes, True)
    monkeypatch.setattr('mmcv.transforms.loading.fileio.get', fail)
    with pytest.raises(UnreadableFile, match='jpg cannot be read: Input/output error$'):
        boxes[0]


def test_whatever_else_goes_wrong_is_not_blamed_on_the_file(boxes, monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError('a bug')

    watch_files(boxes, True)
    monkeypatch.setattr('mmcv.transforms.loading.mmcv.imfrombytes', fail)
    with pytest.raises(ValueError, match='a bug'):
        boxes[0]


def test_substitutes_follow_from_seed_and_position():
    class Data:
        def __len__(self):
            return 100

        def __getitem__(self, index):
            if index % 4 == 3:
                raise UnreadableFile(f'{index} is gone')
            return index, random.random()

    drawn = {seed: [PositionedDataset(Data(), seed)[3, iteration, 0] for iteration in range(20)] for seed in (0, 1)}
    again = [  # where another file is gone
        PositionedDataset(Data(), 0)[7, iteration, 0] for iteration in range(20)
    ]
    assert [sample for sample, _ in again] == [sample for sample, _ in drawn[0]]
    assert all(problems[0] == '3 is gone' for _, problems in drawn[0])
    assert len({sample for sample, _ in drawn[0]}) > 15
    assert drawn[0] != drawn[1]
