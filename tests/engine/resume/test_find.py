"""Which checkpoint of a work directory is resumed."""

import json
import os

import pytest
import torch
from mmengine.config import Config

from mmbackbones.engine.resume import find_newest, find_run, is_newest, read_run_state
from mmbackbones.errors import UserError
from tests.helpers.checkpoints import save_checkpoint


@pytest.fixture
def work_dir(tmp_path):
    """A run with the id 'new' that wrote two checkpoints, and one of a run before it."""
    for age, (name, run) in enumerate([('epoch_2', 'new'), ('epoch_1', 'new'), ('epoch_9', 'old')]):
        save_checkpoint(tmp_path / f'{name}.pth', run=run)
        os.utime(tmp_path / f'{name}.pth', (1000 - age, 1000 - age))
    set_newest_run(tmp_path, 'new')
    return tmp_path


def set_newest_run(work_dir, run):
    (work_dir / 'run.json').write_text(json.dumps(dict(id=run)))


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def config(work_dir) -> Config:
    return Config(dict(work_dir=str(work_dir), default_hooks={}))


class TestFindNewest:
    def test_the_newest_file_of_the_newest_run(self, work_dir):
        assert find_newest(str(work_dir)).path == str(work_dir / 'epoch_2.pth')
        (work_dir / 'last_checkpoint').write_text('/moved/away/epoch_9.pth')
        assert find_newest(str(work_dir)).path == str(work_dir / 'epoch_2.pth')

    def test_a_damaged_one_gives_way_to_the_one_before(self, work_dir, logged):
        messages = logged('mmbackbones.engine.resume.find')
        cut_in_half(work_dir / 'epoch_2.pth')
        assert find_newest(str(work_dir)).path == str(work_dir / 'epoch_1.pth')
        assert len(messages) == 1
        assert 'epoch_2.pth is damaged' in messages[0]
        assert messages[0].endswith(': using the checkpoint before it')

    def test_an_earlier_run_is_named_but_not_resumed(self, work_dir):
        set_newest_run(work_dir, 'newest')
        message = (
            'no checkpoint of the run that was started last there; epoch_2.pth is of an earlier run: to resume that '
            'one, use --resume .*epoch_2.pth$'
        )
        with pytest.raises(UserError, match=message):
            find_newest(str(work_dir))

    def test_all_are_damaged(self, work_dir):
        for path in work_dir.glob('*.pth'):
            cut_in_half(path)
        with pytest.raises(UserError, match='no checkpoint in .* can be resumed: .*damaged.* .and 2 more like it.$'):
            find_newest(str(work_dir))

    @pytest.mark.parametrize(
        'damage',
        [
            lambda path: path.write_bytes(b''),
            lambda path: path.write_text('version https://git-lfs.github.com/spec/v1\n'),
            lambda path: save_checkpoint(path, run='new', meta=dict(epoch='first', iter=2)),
            lambda path: save_checkpoint(path, run='new', optimizer=dict(state={}, format=2)),
            lambda path: torch.save(dict(format=2, weights=dict(a=torch.ones(1))), path),
            lambda path: torch.save(torch.nn.Linear(2, 2), path),
        ],
    )
    def test_none_can_be_read(self, tmp_path, damage):
        for name in ('epoch_1.pth', 'epoch_2.pth'):
            damage(tmp_path / name)
        set_newest_run(tmp_path, 'new')
        with pytest.raises(UserError, match='no checkpoint in .* can be resumed: .*epoch_.*.and 1 more like it.$'):
            find_newest(str(tmp_path))

    @pytest.mark.parametrize(
        ('name', 'make'),
        [
            ('best_coco_bbox_mAP_epoch_3.pth', lambda path: save_checkpoint(path, run='new', optimizer=None)),
            ('last_checkpoint', lambda path: path.write_text('/moved/epoch_3.pth')),
            ('epoch_3.pth', lambda path: path.mkdir()),
            ('epoch_3.pth', lambda path: path.symlink_to('/removed/epoch_3.pth')),
        ],
    )
    def test_only_traces_are_left(self, tmp_path, name, make):
        make(tmp_path / name)
        set_newest_run(tmp_path, 'new')
        message = f'holds {name}, but no checkpoint that a run can be resumed from: .* leave out --resume; .*--weights'
        with pytest.raises(UserError, match=message):
            find_newest(str(tmp_path))

    def test_checkpoints_of_version_1_are_one_run(self, tmp_path):
        save_checkpoint(tmp_path / 'epoch_1.pth')
        assert find_newest(str(tmp_path)).path == str(tmp_path / 'epoch_1.pth')

    def test_there_is_none(self, tmp_path):
        assert find_newest(str(tmp_path)) is None
        set_newest_run(tmp_path, 'new')  # killed before its first checkpoint
        assert find_newest(str(tmp_path)) is None


def test_a_file_or_the_newest(work_dir):
    assert find_run('auto', config(work_dir)).path == str(work_dir / 'epoch_2.pth')
    assert find_run(str(work_dir / 'epoch_9.pth'), config(work_dir)).run == 'old'
    with pytest.raises(UserError, match='none.pth does not exist'):
        find_run(str(work_dir / 'none.pth'), config(work_dir))


def test_only_the_newest_continues_the_run(work_dir):
    newest, older, other = (read_run_state(work_dir / f'epoch_{number}.pth') for number in (2, 1, 9))
    assert is_newest(newest, config(work_dir))
    assert not is_newest(older, config(work_dir))
    assert not is_newest(other, config(work_dir))
    assert not is_newest(newest, config(work_dir / 'elsewhere'))
    set_newest_run(work_dir, 'newest')
    assert not is_newest(newest, config(work_dir))
    (work_dir / 'run.json').write_text('[')  # naming a file is the way out, so it must not fail
    assert not is_newest(newest, config(work_dir))
