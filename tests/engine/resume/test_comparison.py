"""What of a command keeps it from resuming a run."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper

from mmbackbones.engine.resume import (
    check_accumulation,
    check_classes,
    check_length,
    check_model,
    check_optimizer,
    comparison,
    log_resume,
    read_run_state,
)
from mmbackbones.errors import UserError
from tests.helpers.checkpoints import make_checkpoint, save_checkpoint


@pytest.fixture
def state(tmp_path):
    """Makes what a checkpoint says: ``state(epoch=2, optimizer=...)``, parts of the file or attributes."""

    def make(name='epoch_1.pth', **changes):
        parts = {key: changes.pop(key) for key in ('state_dict', 'optimizer') if key in changes}
        state = read_run_state(save_checkpoint(tmp_path / name, run='id', **parts))
        for key, value in changes.items():
            assert hasattr(state, key)
            setattr(state, key, value)
        return state

    return make


class TestModel:
    CFG = Config(dict(model=dict(type='Linear', backbone=dict(type='VAN'))))

    def test_the_same(self, state):
        check_model(state(), self.CFG, torch.nn.Linear(3, 2))

    def test_another_shape(self, state):
        message = (
            r'epoch_1.pth is of another model: weight is 2 x 3 in the file, which was written by another config, and '
            r'2 x 4 in the model of this config \(Linear with VAN\); to start a new run from its weights, use --weights'
        )
        with pytest.raises(UserError, match=message):
            check_model(state(), self.CFG, torch.nn.Linear(4, 2))

    def test_what_one_of_them_lacks(self, state):
        with pytest.raises(UserError, match='bias is 2 in the file, .*, and absent in the model'):
            check_model(state(), self.CFG, torch.nn.Linear(3, 2, bias=False))
        norm = torch.nn.BatchNorm1d(3)
        weights = {key: value for key, value in norm.state_dict().items() if key != 'num_batches_tracked'}
        check_model(state(state_dict=weights), self.CFG, norm)
        del weights['running_mean']
        with pytest.raises(UserError, match='running_mean is absent in the file'):
            check_model(state(state_dict=weights), self.CFG, norm)

    def test_integers_in_place_of_weights(self, state):
        weights = {'weight': torch.ones(2, 3), 'bias': torch.ones(2).long()}
        with pytest.raises(UserError, match='cannot be resumed: its bias holds integers, not real numbers$'):
            check_model(state(state_dict=weights), self.CFG, torch.nn.Linear(3, 2))


class TestOptimizer:
    @staticmethod
    def wrapper(kind=torch.optim.AdamW, model=None, **arguments):
        model = model or torch.nn.Linear(3, 2)
        return OptimWrapper(kind(model.parameters(), lr=0.1, **arguments))

    def test_the_same_with_other_settings(self, state):
        check_optimizer(state(), self.wrapper(betas=(0.5, 0.9), weight_decay=0.3))

    def test_another(self, state):
        message = (
            'cannot be resumed with another optimizer: the file has the state of AdamW, this run uses SGD; to start'
        )
        with pytest.raises(UserError, match=message):
            check_optimizer(state(), self.wrapper(torch.optim.SGD))
        with pytest.raises(UserError, match='has the state of one with betas, this run uses SGD'):
            check_optimizer(state(settings={}), self.wrapper(torch.optim.SGD))

    def test_other_parameters(self, state):
        message = 'its optimizer has 2 parameters, that of this run 1, and they differ in shape or order'
        with pytest.raises(UserError, match=message):
            check_optimizer(state(), self.wrapper(model=torch.nn.Linear(3, 2, bias=False)))
        with pytest.raises(UserError, match='its optimizer has 2 parameters, that of this run 2'):
            check_optimizer(state(), self.wrapper(model=torch.nn.Linear(4, 2)))

    @pytest.mark.parametrize(
        'change',
        [
            dict(step='x'),
            dict(step=torch.tensor(-5.0)),
            dict(exp_avg=None),
            dict(exp_avg=0.5),
            dict(exp_avg=torch.tensor(0.5)),
            dict(exp_avg_sq='x'),
        ],
    )
    def test_what_it_cannot_continue_from(self, change, state):
        optimizer = make_checkpoint()['optimizer']
        optimizer['state'][1].update(change)
        message = 'AdamW with these settings cannot continue from what the file keeps of parameter 1'
        with pytest.raises(UserError, match=message):
            check_optimizer(state(optimizer=optimizer), self.wrapper())

    def test_what_it_needs_and_the_file_lacks(self, state):
        message = (
            r'AdamW with these settings cannot continue from .* \(step, exp_avg, exp_avg_sq\); use the optim_wrapper'
        )
        with pytest.raises(UserError, match=message):
            check_optimizer(state(), self.wrapper(amsgrad=True))


class TestLength:
    @pytest.mark.parametrize('length', [dict(max_epochs=2), dict(max_epochs=30)])
    def test_longer(self, length, state):
        check_length(state(), Config(dict(train_cfg=length)))

    @pytest.mark.parametrize('iteration', [3, 4])
    def test_in_the_middle_of_an_epoch(self, iteration, state):
        check_length(state(iter=iteration), Config(dict(train_cfg=dict(max_epochs=2))))

    def test_the_validation_is_left(self, state):
        check_length(state(validated=False), Config(dict(train_cfg=dict(max_epochs=1))))

    @pytest.mark.parametrize(
        ('changes', 'length', 'message'),
        [
            ({}, dict(max_epochs=1), 'is of a finished run: 1 of 1 epochs are done; to train longer, use --epochs N'),
            (dict(by_epoch=False, iter=3), dict(max_iters=3), 'finished run: 3 of 3 iterations are done; .* --iters N'),
            (
                dict(by_epoch=False, iter=3),
                dict(max_iters=2),
                'past the end .*: 3 iterations are done, 2 are asked for',
            ),
            ({}, dict(max_iters=9), 'counted in epochs .the end of epoch 1., but this run is to take 9 iterations: '),
            (dict(by_epoch=False), dict(max_epochs=9), 'counted in iterations .iteration 2., .* to take 9 epochs: '),
            (dict(iter=3), dict(max_epochs=1), 'past the end of this run: it is at iteration 1 of 2 in epoch 2, 1 are'),
            (dict(iter=5), dict(max_epochs=9), 'is damaged: iteration 5 is not in epoch 2 of a run with 2 iterations'),
            (dict(iter=1), dict(max_epochs=9), 'is damaged: iteration 1 is not in epoch 2'),
            (dict(iter=3), dict(type='OwnLoop', max_epochs=9), 'the OwnLoop of this config begins an epoch anew: use'),
            (dict(name='iter_3.pth', epoch_length=None), dict(max_epochs=9), 'in the middle of an epoch'),
        ],
    )
    def test_lengths_that_do_not_fit(self, changes, length, message, state):
        with pytest.raises(UserError, match=message):
            check_length(state(**changes), Config(dict(train_cfg=length)))


class TestAccumulation:
    def test_nothing_is_pending(self, state):
        check_accumulation(state(), 1)

    def test_more_batches_per_step_than_pending(self, state):
        for accumulate in (3, 4, 2):
            check_accumulation(state(pending=1, accumulate=3), accumulate)

    def test_a_step_that_would_be_past(self, state):
        message = (
            'after 2 of 4 batches: it cannot be resumed with --accumulate 2; use --accumulate 4, or any .* above 2$'
        )
        with pytest.raises(UserError, match=message):
            check_accumulation(state(pending=2, accumulate=4), 2)

    def test_several_processes(self, state, monkeypatch):
        with pytest.raises(UserError, match='by several processes, whose gradients are not in it'):
            check_accumulation(state(pending=2, accumulate=4, complete=False), 4)
        monkeypatch.setattr(comparison, 'get_world_size', lambda: 2)
        with pytest.raises(UserError, match='only a single process can resume it$'):
            check_accumulation(state(pending=2, accumulate=4), 4)


def test_classes(state):
    def config(*classes):
        return Config(dict(train_dataloader=dict(dataset=dict(metainfo=dict(classes=classes)))))

    check_classes(state(), config('a', 'b'))
    check_classes(state(classes=None), config('a', 'c'))
    with pytest.raises(
        UserError, match=r'was trained on the classes a, b, the data has a, \\x1b\[2J: to start a new run'
    ):
        check_classes(state(), config('a', '\x1b[2J'))


def test_the_log_says_what_is_resumed_and_what_changed(state, logged):
    messages = logged('mmbackbones.engine.resume.comparison')
    log_resume(state(), Config(dict(train_cfg=dict(max_epochs=3))), dict(lr=0.02, optimizer='AdamW'))
    assert messages == [
        f'resuming {state().path} from the end of epoch 1: 2 of 3 epochs left',
        'changed settings: lr 0.01 -> 0.02; learning rates are those of a run started with these settings',
    ]
    del messages[:]
    same = dict(lr=0.01, optimizer='AdamW')
    log_resume(state(by_epoch=False, iter=2), Config(dict(train_cfg=dict(max_iters=9))), same)
    assert len(messages) == 1
    assert messages[0].endswith('from iteration 2: 7 of 9 iterations left')
