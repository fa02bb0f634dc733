"""Training runs whose folder can no longer be written to: a sentence, and the last good checkpoint can be resumed."""

import shutil
from contextlib import contextmanager
from functools import partial

import pytest
from mmengine.config import Config

from mmbackbones.apis import train
from mmbackbones.engine.checkpoints.hook import WholeCheckpointHook
from mmbackbones.errors import RunFailed
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal
from tests.helpers.results import steady_rows

resource = pytest.importorskip('resource', reason='limits of file sizes, of POSIX')
pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def start(tiny_config, shapes, tmp_path_factory):
    """Trains for two iterations of 2 images, with a validation after each."""
    flat = tmp_path_factory.mktemp('config') / 'tiny.py'
    Config.fromfile(tiny_config).dump(flat)  # quicker to read
    options = {
        'train_dataloader.num_workers': 0,
        'train_cfg.val_interval': 1,
        'default_hooks.checkpoint.interval': 1,
        'default_hooks.logger.interval': 1,
    }
    return partial(train, str(flat), data=str(shapes), img_scale=(64, 64), iters=2, batch_size=2, cfg_options=options)


@contextmanager
def fault(name: str, begin):
    """From when the checkpoint of a name is to be written, the disk is as `begin` makes it."""
    write, limit = WholeCheckpointHook.write, resource.getrlimit(resource.RLIMIT_FSIZE)

    def write_later(self, runner, path, *args, **more):
        if path.name == name:
            begin(path.parent)
        write(self, runner, path, *args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WholeCheckpointHook, 'write', write_later)
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def fill(folder) -> None:
    """Let no file grow any more, as on a full disk, but for the error's name."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_a_full_disk(start, tmp_path, monkeypatch):
    """While the best checkpoint is written, and in the resumed run while a regular one is."""
    monkeypatch.chdir(tmp_path)
    whole, folder = tmp_path / 'whole', tmp_path / 'full'
    start(work_dir=str(whole))
    for name, kept in (('best_coco_bbox_mAP_iter_1.pth', 'iter_1.pth'), ('iter_2.pth', 'iter_1.pth')):
        with fault(name, fill), pytest.raises(RunFailed) as error:
            start(work_dir=str(folder), resume='auto')
        assert str(error.value) == (
            f"full/{name}: File too large; full/{kept} is kept: the same call with resume='auto' continues from there"
        )
        assert not list(folder.glob('*.partial'))
        assert (folder / 'last_checkpoint').read_text() == str(folder / kept)
    start(work_dir=str(folder), resume='auto')
    assert steady_rows(folder) == steady_rows(whole)
    names = [path.name for path in sorted(whole.glob('*.pth'))]
    assert [path.name for path in sorted(folder.glob('*.pth'))] == names
    for name in names:
        assert_equal(*(load_from_file(run / name)['state_dict'] for run in (whole, folder)))


def test_a_folder_that_vanishes(start, tmp_path):
    """It is not made anew: it may have been a disk that is no longer mounted."""
    folder = tmp_path / 'gone'
    with fault('iter_1.pth', shutil.rmtree), pytest.raises(RunFailed) as error:
        start(work_dir=str(folder))
    assert str(error.value) == f'{folder}/iter_1.pth: No such file or directory; there is no checkpoint yet'
    assert not folder.exists()
