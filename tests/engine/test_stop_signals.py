"""Training runs that Ctrl-C or SIGTERM ends: saved within an iteration, and as good as uninterrupted when resumed."""

from functools import partial
from pathlib import Path
from signal import SIG_DFL, SIG_IGN, SIGINT, SIGTERM, getsignal, raise_signal, signal
from threading import Thread
from types import SimpleNamespace

import pytest
from mmengine.config import Config

import mmbackbones
from mmbackbones.apis import train
from mmbackbones.engine import stop_signals
from mmbackbones.engine.checkpoints.files import CheckpointFiles
from mmbackbones.engine.checkpoints.guard import guard_checkpoints
from mmbackbones.engine.checkpoints.hook import WholeCheckpointHook
from mmbackbones.engine.processes.agreement import Agreement
from mmbackbones.engine.stop_signals import StopHook
from mmbackbones.errors import Terminated, UserError
from mmbackbones.utils.signals import receiving
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


def assert_stopped(start, folder, moment, said, capsys, **more) -> str:
    """Start a run, or go on with it, that gets a signal; returns the name of the checkpoint that it leaves."""
    handlers = getsignal(SIGINT), getsignal(SIGTERM)
    name = {SIGINT: 'Ctrl-C', SIGTERM: 'SIGTERM'}[moment[-1]]
    capsys.readouterr()
    with pytest.raises(KeyboardInterrupt if name == 'Ctrl-C' else Terminated) as stop:
        start(folder, moment, resume='auto', **more)
    sentence = capsys.readouterr().out.splitlines()[-1]
    assert stop.value.args == ((sentence,) if name == 'Ctrl-C' else (0,))
    saved = Path((folder / 'last_checkpoint').read_text())
    assert sentence == (
        f'stopped by {name}: the run ends {said}, {saved.relative_to(Path.cwd())} is saved, and the same call with '
        "resume='auto' continues from there"
    )
    assert stop.value.__suppress_context__  # where a script is interrupted, one traceback is enough
    assert (getsignal(SIGINT), getsignal(SIGTERM)) == handlers
    return saved.name


def test_the_checkpoint_itself_cannot_be_written_again(monkeypatch, tmp_path):
    last = tmp_path / 'epoch_2.pth'
    last.touch()
    monkeypatch.setattr(stop_signals, 'last_checkpoint', lambda _: last)
    assert stop_signals.what_is_kept(None, str(last)).startswith('what it held before is kept: ')
    assert stop_signals.what_is_kept(None, f'{last}.log').startswith(f'{last} is kept: ')


@pytest.mark.parametrize('program', ['mmbackbones', str(Path(mmbackbones.__file__).with_name('__main__.py'))])
def test_a_command_is_resumed_by_an_option(program, monkeypatch):
    monkeypatch.setattr('sys.argv', [program, 'train'])
    assert stop_signals._how_to_resume() == 'the same command with --resume'


def assert_same_end(folder, whole, last: str) -> None:
    assert checkpoints(folder) == checkpoints(whole)
    assert steady_rows(folder) == steady_rows(whole)
    one, other = (load_from_file(run / last) for run in (whole, folder))
    assert_equal(one['state_dict'], other['state_dict'])
    assert one['record'] == other['record']


@pytest.mark.slow
def test_a_run_counted_in_iterations(start, tmp_path, capsys, monkeypatch):
    """Checkpoints of stops are kept until the next one only."""
    monkeypatch.chdir(tmp_path)
    whole, folder = tmp_path / 'whole', tmp_path / 'stopped'
    start(whole)
    stopped = partial(assert_stopped, start, folder, capsys=capsys)
    assert stopped((ITERATION, 1, SIGTERM), 'after iteration 1') == 'iter_1.pth'
    assert stopped((VALIDATION, 2, SIGINT), 'in a validation') == 'iter_2.pth'
    assert stopped((ITERATION, 3, SIGTERM), 'after iteration 3') == 'iter_3.pth'
    assert checkpoints(folder)[1:] == ['iter_3.pth']
    assert stopped((VALIDATION, 4, SIGTERM), 'in a validation') == 'iter_4.pth'
    assert checkpoints(folder)[1:] == ['iter_3.pth', 'iter_4.pth']
    start(folder, resume='auto')
    assert_same_end(folder, whole, 'iter_5.pth')


@pytest.mark.slow
def test_a_run_counted_in_epochs(start, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole, folder = tmp_path / 'whole', tmp_path / 'stopped'
    length = dict(
        iters=None,
        epochs=2,
        batch_size=3,
        accumulate=2,
        cfg_options={'train_cfg.val_interval': 1, 'train_dataloader.num_workers': 1},
    )
    start(whole, **length)
    stopped = partial(assert_stopped, start, folder, capsys=capsys, **length)
    assert stopped((ITERATION, 1, SIGINT), 'after iteration 1') == 'iter_1.pth'
    assert stopped((ITERATION, 3, SIGTERM), 'after iteration 3') == 'iter_3.pth'  # the end of the epoch
    assert stopped((VALIDATION, 3, SIGTERM), 'in a validation') == 'iter_3.pth'
    assert stopped((ITERATION, 5, SIGTERM), 'after iteration 5') == 'iter_5.pth'
    assert stopped((VALIDATION, 6, SIGINT), 'in a validation') == 'epoch_2.pth'  # which was there
    start(folder, resume='auto', **length)
    assert_same_end(folder, whole, 'epoch_2.pth')


@pytest.mark.slow
def test_checkpoints_by_time(start, tmp_path, monkeypatch):
    """Whenever the last one is two minutes old, by a clock that goes a minute further whenever it is looked at."""
    times, wrote, written = iter(range(0, 6000, 60)), CheckpointFiles.wrote, []

    def note(self, path, passing=False):
        written.append(path.name)
        wrote(self, path, passing)

    monkeypatch.setattr('mmbackbones.engine.checkpoints.hook.monotonic', lambda: next(times))
    monkeypatch.setattr(CheckpointFiles, 'wrote', note)
    start(tmp_path, checkpoint_minutes=2, cfg_options={'train_cfg.val_interval': 9})
    best = 'best_coco_bbox_mAP_iter_5.pth'
    assert written == ['iter_2.pth', 'iter_3.pth', 'iter_4.pth', 'iter_5.pth', best, 'iter_5.pth']
    assert checkpoints(tmp_path) == [best, 'iter_3.pth', 'iter_5.pth']


def test_checkpoints_by_time_need_our_hook():
    for hook, reason in ((None, 'the config asks for no checkpoints'), (dict(type='MyHook'), 'is a MyHook')):
        with pytest.raises(UserError, match=f'--checkpoint-minutes needs a CheckpointHook, but .*{reason}'):
            guard_checkpoints(Config(dict(default_hooks=dict(checkpoint=hook))), minutes=5)
    with pytest.raises(ValueError, match='minutes must be a number above 0, got 0'):
        WholeCheckpointHook(minutes=0)


def received(*numbers, ignored=False) -> list[int]:
    """What a process receives of signals that come at once."""
    before, seen = signal(SIGTERM, SIG_IGN if ignored else SIG_DFL), []
    try:
        with receiving(seen.append, SIGTERM):
            for number in numbers:
                raise_signal(number)
    finally:
        signal(SIGTERM, before)
    return seen


def test_a_signal_that_comes_twice_at_once_is_one():
    assert received(SIGTERM, SIGTERM) == [SIGTERM]


def test_a_second_signal_counts(monkeypatch):
    times = iter((0, 1))
    monkeypatch.setattr('mmbackbones.utils.signals.monotonic', lambda: next(times))
    assert received(SIGTERM, SIGTERM) == [SIGTERM] * 2


def test_an_ignored_signal_stays_ignored():
    assert received(SIGTERM, ignored=True) == []


def test_a_thread_receives_nothing():
    seen = []

    def listen():
        with receiving(seen.append, SIGTERM):
            seen.append(getsignal(SIGTERM))

    thread = Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [getsignal(SIGTERM)]


def test_the_second_signal_ends_a_run_at_once(capsys, monkeypatch):
    hook, runner = StopHook(Agreement()), SimpleNamespace(cfg=Config())
    for number, error in ((SIGINT, KeyboardInterrupt), (SIGTERM, Terminated)):
        with pytest.raises(error):  # before the first iteration
            hook.receive(number)
        hook.before_train_iter(runner, 0)
        hook.receive(number)
        with pytest.raises(error):
            hook.receive(number)
        hook.signal = 0


def test_while_the_backbone_is_compiled(monkeypatch):
    """A signal ends the run at once, in the first iteration; later, in a validation, with the compiler that gets it."""
    cfg = Config(dict(custom_hooks=[dict(type='CompileHook')]))
    hooks: list[StopHook] = []
    runner = SimpleNamespace(cfg=cfg, hooks=hooks, register_hook=hooks.append)
    monkeypatch.setattr(stop_signals, 'agreement_of', lambda runner: Agreement())
    monkeypatch.setattr(stop_signals, 'last_checkpoint', lambda runner: None)
    monkeypatch.setattr(stop_signals, 'while_compiling', lambda error: True)

    def run(begin, number=None):
        with stop_signals.stopping(runner):
            begin(hooks[-1])
            if number:
                raise_signal(number)
            raise RuntimeError('C++ compile error')

    with pytest.raises(Terminated) as stop:
        run(lambda hook: hook.before_train_iter(runner, 0), SIGTERM)
    assert not hooks[-1].signal
    assert stop.value.code == 128 + SIGTERM
    with pytest.raises(KeyboardInterrupt):
        run(lambda hook: hook.before_val_epoch(runner), SIGINT)
    assert hooks[-1].signal
    with pytest.raises(RuntimeError):
        run(lambda hook: hook.before_val_epoch(runner))


@pytest.mark.slow
def test_before_the_first_iteration(tool, tiny_config, shapes, tmp_path, monkeypatch):
    """SIGTERM ends the command at once, as Ctrl-C does, and leaves nothing."""
    monkeypatch.setattr('mmbackbones.engine.training.apply_dataset', lambda *_, **__: raise_signal(SIGTERM))
    code, _, err = tool('train', tiny_config, '--data', shapes, '--work-dir', tmp_path / 'work')
    assert (code, err) == (143, 'stopped by SIGTERM\n')
    assert not list(tmp_path.iterdir())
