"""Work directories: locked during a run, tested before anything else, left clean if no run starts."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from mmbackbones.engine.work_dir import WorkDir, checkpoints_in, newest_run, training_folder, work_dir_for_test
from mmbackbones.errors import UserError
from mmbackbones.utils.atomic_write import atomic_write

pytestmark = pytest.mark.slow

HOLD = """
import os, sys, time
from mmbackbones.engine.work_dir import WorkDir
with WorkDir(sys.argv[1]):
    if os.fork() == 0:  # like a data worker, which outlives its parent for a while
        time.sleep(60)
    print('locked', flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other_process(tmp_path):
    """Another process that holds the lock, and a child of it."""
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', HOLD, tmp_path],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert 'locked\n' in iter(process.stdout.readline, '')  # OneDL's libraries print before it
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()


def test_the_folder_of_a_checkpoint(tmp_path):
    """That of a training run, but no folder of downloads."""
    file = tmp_path / 'epoch_1.pth'
    file.touch()
    (tmp_path / 'best_model.pth').touch()
    assert training_folder(str(file)) is None
    (tmp_path / 'run.json').touch()
    assert training_folder(str(file)) == str(tmp_path)
    assert training_folder(str(tmp_path / 'none.pth')) is None
    assert training_folder('https://host/run/epoch_1.pth') is None


def test_a_second_process_is_refused_until_the_first_is_killed(other_process, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)  # to which paths on the screen are relative
    with (
        pytest.raises(
            UserError, match=f'^{tmp_path.name} is in use by another training run .process {other_process.pid}.'
        ),
        WorkDir(tmp_path),
    ):
        pass
    os.kill(other_process.pid, signal.SIGKILL)
    other_process.wait()  # its child is alive, and the file of the lock is still there
    assert (tmp_path / 'train.lock').is_file()
    with WorkDir(tmp_path):
        pass
    assert not (tmp_path / 'train.lock').exists()


def test_runs_of_one_process_exclude_each_other(tmp_path):
    with WorkDir(tmp_path):
        refused = []

        def second():
            try:
                with WorkDir(tmp_path / '..' / tmp_path.name):
                    pass
            except UserError as error:
                refused.append(str(error))

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        assert 'is in use by another training run of this process' in refused[0]
        child = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', HOLD, tmp_path], capture_output=True, text=True, check=False
        )
        assert f'process {os.getpid()}' in child.stderr  # the refused thread has not let go of the lock
    with WorkDir(tmp_path):
        pass


def test_nothing_is_left_if_no_run_starts(tmp_path):
    with WorkDir(tmp_path / 'a' / 'b'):
        assert (tmp_path / 'a' / 'b' / 'train.lock').is_file()
    assert list(tmp_path.iterdir()) == []
    with WorkDir(tmp_path / 'a' / 'b') as folder:
        folder.start_run(None)
    assert [path.name for path in (tmp_path / 'a' / 'b').iterdir()] == ['run.json']


def test_a_run_keeps_its_id_until_another_one_starts(tmp_path):
    with WorkDir(tmp_path) as folder:
        assert newest_run(tmp_path) is None
        first = folder.start_run(None)
        assert newest_run(tmp_path) == first
    with WorkDir(tmp_path) as folder:
        assert folder.start_run(first) == newest_run(tmp_path) == first
    with WorkDir(tmp_path) as folder:
        assert folder.start_run(None) == newest_run(tmp_path) != first


def test_what_killed_runs_left_unfinished_is_removed(tmp_path):
    (tmp_path / 'data').mkdir()
    left = [tmp_path / name for name in ('config.py.0.unfinished.partial', 'data/train.json.0.unfinished.partial')]
    for path in left:
        path.touch()
    with WorkDir(tmp_path) as folder, atomic_write(tmp_path / 'other') as partial:
        folder.start_run(resumed=None)
        assert partial.exists()  # of a program that is running
    assert not any(path.exists() for path in left)


def test_checkpoints_of_an_earlier_run_are_logged(tmp_path, logged):
    messages = logged('mmbackbones.engine.work_dir')
    WorkDir(tmp_path).log_earlier_checkpoints()
    assert messages == []
    for name in ('epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth', 'best_mAP_epoch_3.pth', 'last_checkpoint', 'other.txt'):
        (tmp_path / name).touch()
    WorkDir(tmp_path).log_earlier_checkpoints()
    assert len(messages) == 1
    names = 'best_mAP_epoch_3.pth, epoch_1.pth, epoch_2.pth, epoch_3.pth and 1 more'
    assert f'holds files of an earlier run ({names}): this run replaces those of the same name' in messages[0]


def occupied_by_a_file(path):
    (path / 'file').write_text('')
    return path / 'file'


def not_writable(path):
    (path / 'locked').mkdir()
    (path / 'locked' / 'train.lock').mkdir()  # root may write everywhere, but nobody to a folder as to a file
    return path / 'locked'


@pytest.mark.parametrize(
    ('place', 'reason'),
    [
        (occupied_by_a_file, 'Not a directory'),
        (not_writable, 'Is a directory'),
        (lambda path: occupied_by_a_file(path) / 'below', 'Not a directory'),
        (lambda path: path / ('x' * 300), 'File name too long'),
        (lambda path: '/proc/none', 'No such file or directory'),
    ],
)
def test_folders_that_cannot_be_used(place, reason, tmp_path):
    with (
        pytest.raises(UserError, match=f'^the work directory .* cannot be used: {reason}; name another with'),
        WorkDir(place(tmp_path)),
    ):
        pass


def test_a_full_disk_shows_at_once(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('os.fsync', full)
    with pytest.raises(UserError, match='cannot be used: No space left on device'), WorkDir(tmp_path / 'new'):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_run_file(tmp_path):
    (tmp_path / 'run.json').write_text('{"id": ')
    with pytest.raises(UserError, match='is damaged: .*--resume FILE'):
        newest_run(tmp_path)


@pytest.mark.parametrize('text', ['[' * 100_000, '[]', '{"id": 5}', '{"id": ' + '9' * 6000 + '}', 'null', ''])
def test_malicious_run_files(tmp_path, text):
    (tmp_path / 'run.json').write_text(text)
    with pytest.raises(UserError, match='is damaged: .*--resume FILE'):
        newest_run(tmp_path)


@pytest.mark.parametrize('text', [b'x' * 5000, b'\0', bytes(range(256)), b'', b'..', b'/etc/passwd', b'http://x/y.pth'])
def test_last_checkpoint_names_no_checkpoint(tmp_path, text):
    (tmp_path / 'last_checkpoint').write_bytes(text)
    (tmp_path / 'epoch_1.pth').touch()
    assert checkpoints_in(tmp_path) == [tmp_path / 'epoch_1.pth']


def test_checkpoints_with_other_names_in_another_folder(tmp_path):
    work_dir, folder = tmp_path / 'run', tmp_path / 'large_disk' / 'run'
    for path in (work_dir, folder):
        path.mkdir(parents=True)
    for name in ('model_1.pth', 'model_2.pth', 'best_mAP_model_2.pth'):
        (folder / name).touch()
    os.utime(folder / 'model_1.pth', (0, 0))
    hook = dict(out_dir=str(folder.parent), filename_tmpl='model_{}.pth')
    assert checkpoints_in(work_dir, hook) == [folder / 'model_2.pth', folder / 'model_1.pth']
    (work_dir / 'last_checkpoint').write_text(str(folder / 'model_1.pth'))
    assert checkpoints_in(work_dir, hook) == [folder / 'model_1.pth', folder / 'model_2.pth']
    assert checkpoints_in(work_dir, dict(out_dir=str(tmp_path / 'none'))) == []


def test_no_run_writes_through_a_symbolic_link(tmp_path):
    (tmp_path / 'precious').write_text('precious')
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'train.lock').symlink_to(tmp_path / 'precious')
    with pytest.raises(UserError, match='train.lock is a symbolic link'), WorkDir(tmp_path / 'run'):
        pass
    assert (tmp_path / 'precious').read_text() == 'precious'


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
def test_a_test_of_a_training_run_gets_a_subfolder(tmp_path, file):
    assert work_dir_for_test(str(tmp_path)) == str(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    assert work_dir_for_test(str(tmp_path)) == str(tmp_path / 'test')


@pytest.mark.parametrize(
    'file', ['retinanet_van_t.py', 'metrics.json', 'other.pth', 'data/val.json', '20260101_000000/vis_data/config.py']
)
def test_the_files_of_an_earlier_test_make_no_training_run(tmp_path, file):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    assert work_dir_for_test(str(tmp_path)) == str(tmp_path)
