"""Folders of tests keep clear of training runs."""

import pytest

from mmbackbones.errors import UserError
from mmbackbones.utils.folders import folder_of_test, need_folder


@pytest.mark.parametrize(
    'file',
    [
        'epoch_3.pth',
        'iter_40.pth',
        'best_mIoU_iter_40.pth',
        'last_checkpoint',
        'train.lock',
        'run.json',
        '20260101_000000/vis_data/scalars.json',
    ],
)
def test_in_a_training_run_it_is_a_subfolder(tmp_path, file):
    assert folder_of_test(str(tmp_path)) == str(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    assert folder_of_test(str(tmp_path)) == str(tmp_path / 'test')


@pytest.mark.parametrize(
    'file', ['retinanet_van_t.py', 'metrics.json', 'other.pth', 'data/val.json', '20260101_000000/vis_data/config.py']
)
def test_the_files_of_another_test_make_no_training_run(tmp_path, file):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    assert folder_of_test(str(tmp_path)) == str(tmp_path)


def test_a_folder_is_made_and_left_empty(tmp_path):
    need_folder(tmp_path / 'a/b', '--work-dir')
    assert list((tmp_path / 'a/b').iterdir()) == []


@pytest.mark.parametrize(
    ('folder', 'reason'),
    [
        ('file/x', 'Not a directory'),
        ('file', 'File exists'),
        ('x' * 300, 'File name too long'),
        ('/proc/x', 'No such'),
    ],
)
def test_a_folder_that_can_not_be_written_to_is_one_sentence(tmp_path, folder, reason):
    (tmp_path / 'file').touch()
    with pytest.raises(UserError, match=f'--work-dir: cannot write to .*{folder}.*: {reason}.*name another folder'):
        need_folder(tmp_path / folder, '--work-dir')
