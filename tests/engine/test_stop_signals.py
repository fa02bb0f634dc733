"""Training runs that Ctrl-C or SIGTERM ends: saved within an iteration, and as good as uninterrupted when resumed."""

from signal import SIGINT, SIGTERM, getsignal

import pytest
from mmengine.config import Config

from mmbackbones.apis import train
from mmbackbones.errors import Terminated
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal
from tests.helpers.kill import SignalHook
from tests.helpers.results import steady_rows

ITERATION, VALIDATION = 'after_train_iter', 'after_val_iter'


@pytest.fixture(scope='module')
def start(tiny_config, shapes, tmp_path_factory):
    """Trains for 5 iterations with batches of 2, with a validation of 4 images after the second and the fourth."""
    flat = tmp_path_factory.mktemp('config') / 'tiny.py'
    Config.fromfile(tiny_config).dump(flat)  # quicker to read

    def start_training(folder, *moments, **more):
        sent = [(name, iteration, int(number)) for name, iteration, number in moments]
        options = {
            'train_dataloader.num_workers': 0,
            'val_dataloader.batch_size': 2,
            'train_cfg.val_interval': 2,
            'default_hooks.checkpoint.interval': 3,
            'default_hooks.checkpoint.max_keep_ckpts': 2,
            'custom_hooks': [dict(type=SignalHook.__name__, moments=sent)],
            **more.pop('cfg_options', {}),
        }
        return train(
            str(flat),
            data=str(shapes),
            img_scale=(64, 64),
            work_dir=str(folder),
            cfg_options=options,
            **{'iters': 5, 'batch_size': 2, **more},
        )

    return start_training


def checkpoints(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if '.pth' in path.name)


@pytest.mark.slow
def test_a_run_counted_in_iterations(start, tmp_path, capsys, monkeypatch):
    """Stopped in a regular iteration, where a checkpoint is due, and in two validations."""
    monkeypatch.chdir(tmp_path)
    whole, folder = tmp_path / 'whole', tmp_path / 'stopped'
    start(whole)
    stops = [
        ((ITERATION, 1, SIGTERM), Terminated, 'SIGTERM: the run ends after iteration 1', 1),
        ((VALIDATION, 2, SIGINT), KeyboardInterrupt, 'Ctrl-C: the run ends in a validation', 2),
        ((ITERATION, 3, SIGTERM), Terminated, 'SIGTERM: the run ends after iteration 3', 3),
        ((VALIDATION, 4, SIGTERM), Terminated, 'SIGTERM: the run ends in a validation', 4),
    ]
    handlers = getsignal(SIGINT), getsignal(SIGTERM)
    for moment, error, said, iteration in stops:
        capsys.readouterr()
        with pytest.raises(error) as stop:
            start(folder, moment, resume='auto')
        saved = f'iter_{iteration}.pth'
        sentence = (
            f'stopped by {said}, stopped/{saved} is saved, and the same command with --resume continues from there'
        )
        assert capsys.readouterr().out.splitlines()[-1] == sentence
        assert stop.value.args == ((sentence,) if error is KeyboardInterrupt else (0,))
        assert (folder / 'last_checkpoint').read_text() == str(folder / saved)
        # Those of stops are kept until the next checkpoint only.
        regular = ['iter_3.pth'] if iteration > 3 else []
        assert [name for name in checkpoints(folder) if name.startswith('iter')] == [*regular, saved]
        assert (getsignal(SIGINT), getsignal(SIGTERM)) == handlers
    start(folder, resume='auto')
    assert checkpoints(folder) == checkpoints(whole)
    assert steady_rows(folder) == steady_rows(whole)
    one, other = (load_from_file(run / 'iter_5.pth') for run in (whole, folder))
    assert_equal(one['state_dict'], other['state_dict'])
    assert one['record'] == other['record']
