"""Exceptions that a config or its options cause are one sentence; all others keep their traceback."""

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmbackbones.apis import train
from mmbackbones.engine.option_errors import blaming, building
from mmbackbones.errors import RunFailed, UserError

pytestmark = pytest.mark.slow

MODEL = {'model.neck.num_outs': 4}
HOOK = {'default_hooks.logger.interval': 1}
DATASET = {'train_dataloader.dataset.indices': 3}
LOADER = {'train_dataloader.num_workers': 0}


class Model(nn.Module):
    def forward(self, numbers):
        return numbers + 'x'


class InterruptedModel(nn.Module):
    def forward(self, _):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise RuntimeError('a data worker was interrupted') from None


class Data(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise KeyError('x')


class FailingHook(Hook):
    def before_train(self, runner):
        return runner.nothing


def run_model():
    Model()(torch.ones(1))


def run_hook():
    FailingHook().before_train(None)


def run_loader():
    next(iter(DataLoader(Data())))


def run_model_in_a_hook():
    FailingHook().before_train(type('Runner', (), {'nothing': property(lambda self: Model()(torch.ones(1)))})())


def run_nothing_of_a_config():
    return [][0]


def run_broken_class_of_this_package():
    names = {'__name__': 'mmbackbones.broken'}
    exec('def broken(): return [][0]', names)
    HOOKS.build(dict(type=names['broken']))


class TestBlaming:
    @pytest.mark.parametrize(
        ('function', 'blamed'),
        [
            (run_model, MODEL | DATASET | LOADER),
            (run_hook, HOOK),
            (run_loader, DATASET),
            (run_model_in_a_hook, MODEL | DATASET | LOADER),
        ],
    )
    def test_options_of_what_failed_are_named(self, function, blamed):
        with (
            pytest.raises(UserError, match='^the first iteration fails: .*; --cfg-options ') as error,
            blaming(MODEL | HOOK | DATASET | LOADER, 'the first iteration fails'),
        ):
            function()
        assert {key for key in MODEL | HOOK | DATASET | LOADER if key in str(error.value)} == set(blamed)

    @pytest.mark.parametrize(
        ('function', 'options'),
        [
            (run_model, HOOK),
            (run_hook, MODEL),
            (run_loader, MODEL | LOADER),
            (run_nothing_of_a_config, MODEL | HOOK | DATASET | LOADER),
            (run_model, {}),
        ],
    )
    def test_a_bug_elsewhere_keeps_its_traceback(self, function, options):
        with pytest.raises((TypeError, AttributeError, LookupError)), blaming(options, 'the first iteration fails'):
            function()

    def test_only_while_options_can_be_the_cause(self):
        with pytest.raises(TypeError), blaming(MODEL, 'it fails', lambda: False):
            run_model()

    def test_a_full_disk_is_no_mistake_in_a_config(self):
        with pytest.raises(OSError, match='full'), building('', {}):
            raise OSError(28, 'full')

    def test_ctrl_c_is_no_mistake(self):
        with pytest.raises(RuntimeError, match='interrupted'), blaming(MODEL, 'it fails'):
            InterruptedModel()(1)

    def test_a_bug_before_the_start_keeps_its_traceback(self, tiny_config, shapes, tmp_path, monkeypatch):
        def bug(*_, **__):
            raise AttributeError('a bug')

        monkeypatch.setattr('mmbackbones.engine.dataset_config.load_detection', bug)
        with pytest.raises(AttributeError, match='^a bug$'):
            train(tiny_config, str(shapes), epochs=1, from_scratch=True, work_dir=str(tmp_path), cfg_options=LOADER)


class TestBuilding:
    def test_options_of_the_section_are_named(self):
        with (
            pytest.raises(
                UserError, match='^model cannot be built: no such arch; --cfg-options model.neck.num_outs=4$'
            ),
            building('model', MODEL | HOOK),
        ):
            raise ValueError('no such arch.\nPlease check')

    def test_all_options_for_the_whole_config(self):
        with (
            pytest.raises(UserError, match='^the config cannot be built: .* model.neck.* default_hooks.'),
            building('', MODEL | HOOK),
        ):
            HOOKS.build(dict(type='LoggerHook', interval_of=1))

    def test_entry_that_is_missing(self):
        with (
            pytest.raises(UserError, match="^the config cannot be built: .* has no attribute 'neck'"),
            building('', {}),
        ):
            return Config(dict(model=dict())).model.neck

    @pytest.mark.parametrize('function', [run_nothing_of_a_config, run_broken_class_of_this_package])
    def test_a_bug_keeps_its_traceback(self, function):
        with pytest.raises((IndexError, AttributeError)), building('', MODEL | HOOK):
            function()

    @pytest.mark.parametrize(
        'function', ['arguments.set_batch', 'arguments.use_exact_metrics', 'run_building.log_operators']
    )
    def test_a_bug_in_a_training_run_keeps_its_traceback(self, function, tiny_config, shapes, tmp_path, monkeypatch):
        def bug(*_, **__):
            raise AttributeError('a bug')

        monkeypatch.setattr(f'mmbackbones.engine.{function}', bug)
        with pytest.raises(AttributeError, match='^a bug$'):
            train(tiny_config, str(shapes), epochs=1, from_scratch=True, work_dir=str(tmp_path), cfg_options=LOADER)

    @pytest.mark.parametrize('kind', [UserError, RunFailed])
    def test_sentences_of_our_own_stay(self, kind):
        with pytest.raises(kind, match='^no such file$'), building('', MODEL):
            raise kind('no such file')
