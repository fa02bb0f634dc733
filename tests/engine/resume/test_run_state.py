"""What a checkpoint says of its run."""

import pickle

import pytest
import torch

from mmbackbones.engine.resume import read_run_state
from mmbackbones.engine.resume.run_state import distinctive_hyperparameters
from mmbackbones.errors import UserError
from tests.helpers.checkpoints import make_checkpoint, save_checkpoint


def test_what_is_read(tmp_path):
    state = read_run_state(save_checkpoint(tmp_path / 'epoch_1.pth', run='id'))
    assert (state.path, state.run) == (str(tmp_path / 'epoch_1.pth'), 'id')
    assert (state.epoch, state.iter, state.by_epoch, state.epoch_length) == (1, 2, True, 2)
    assert state.position == 'the end of epoch 1'
    assert state.shapes == {'weight': (2, 3), 'bias': (2,)}
    assert state.integer_keys == frozenset()
    assert state.classes == ('a', 'b')
    assert state.labels == {}
    assert state.moments[0]['exp_avg'] == torch.Size((2, 3))
    assert state.moments[1]['step'] == 1
    assert state.hyperparameters == {'betas'}
    assert state.num_parameters == 2
    assert (state.pending, state.complete, state.validated) == (0, True, True)
    assert state.settings == dict(lr=0.01, optimizer='AdamW')


@pytest.mark.parametrize(
    ('epoch', 'iteration', 'by_epoch', 'position'),
    [(2, 8, True, 'the end of epoch 2'), (0, 8, False, 'iteration 8'), (0, 0, None, 'the end of epoch 0')],
)
def test_files_of_version_1_tell_their_unit_by_what_they_count(tmp_path, epoch, iteration, by_epoch, position):
    meta = dict(epoch=epoch, iter=iteration, experiment_name='van_20260101_000000')
    state = read_run_state(save_checkpoint(tmp_path / 'a.pth', meta=meta))
    assert (state.by_epoch, state.position, state.run, state.config) == (by_epoch, position, None, 'van')


def test_how_label_maps_were_read(tmp_path):
    meta = dict(epoch=1, iter=2, dataset_meta=dict(classes=('a',), reduce_zero_label=True, ignore_label=7))
    assert read_run_state(save_checkpoint(tmp_path / 'a.pth', meta=meta)).labels == dict(
        background='ignore', ignore_label=7
    )


def test_an_unfinished_accumulation(tmp_path):
    pending = dict(batches=1, accumulate=3, divisor=3, loss_scale=1.0, gradients=dict(bias=torch.ones(2)))
    state = read_run_state(save_checkpoint(tmp_path / 'a.pth', accumulated_gradients=pending))
    assert (state.pending, state.accumulate, state.complete) == (1, 3, True)
    state = read_run_state(save_checkpoint(tmp_path / 'a.pth', accumulated_gradients={**pending, 'gradients': None}))
    assert not state.complete


@pytest.mark.parametrize(
    'change',
    [
        dict(batches=0),
        dict(batches=True),
        dict(accumulate='3'),
        dict(divisor=-1),
        dict(loss_scale=0.0),
        dict(gradients=dict(bias=torch.ones(3))),
        dict(gradients=dict(other=torch.ones(2))),
        dict(gradients=dict(bias=[1.0, 2.0])),
        dict(gradients=5),
    ],
)
def test_gradients_of_something_else(tmp_path, change):
    pending = dict(batches=1, accumulate=3, divisor=3, loss_scale=1.0, gradients=dict(bias=torch.ones(2)))
    file = save_checkpoint(tmp_path / 'a.pth', accumulated_gradients={**pending, **change})
    with pytest.raises(UserError, match='a.pth is damaged: its accumulated gradients are not those of its weights$'):
        read_run_state(file)


@pytest.mark.parametrize(
    'change',
    [
        {'module.x': torch.ones(1)},
        {'steps': torch.ones(2)},
        {1: torch.tensor(1)},
        {'module.bias': torch.ones(1)},
        {'module.bias': 'x'},
        {'module.bias': None},
        5,
    ],
)
def test_another_model_beside_averaged_weights(tmp_path, change):
    own = {f'module.{key}': value for key, value in make_checkpoint()['state_dict'].items()}
    own['steps'] = torch.tensor(2)
    assert read_run_state(save_checkpoint(tmp_path / 'a.pth', ema_state_dict=own)).epoch == 1
    average = {**own, **change} if isinstance(change, dict) else change
    message = (
        'a.pth (is damaged: the weights beside its averaged weights are of another model|cannot be resumed: its .ema)'
    )
    with pytest.raises(UserError, match=message):
        read_run_state(save_checkpoint(tmp_path / 'a.pth', ema_state_dict=average))


def test_without_an_optimizer_there_is_nothing_to_resume(tmp_path):
    with pytest.raises(UserError, match='best.pth holds no optimizer state .* a new run with --weights .*best.pth$'):
        read_run_state(save_checkpoint(tmp_path / 'best.pth', optimizer=None))


def test_the_content_is_handed_on_once_and_to_no_other_process(tmp_path):
    state = read_run_state(save_checkpoint(tmp_path / 'a.pth', run='id'))
    told = pickle.loads(pickle.dumps(state))
    assert told.checkpoint is None
    assert (told.run, told.shapes) == ('id', state.shapes)
    assert state.take_checkpoint()['meta']['run_id'] == 'id'
    assert state.take_checkpoint() is None


def test_optimizers_are_told_apart():
    weights = [torch.nn.Parameter(torch.ones(1))]
    kinds = {
        kind: distinctive_hyperparameters(getattr(torch.optim, kind)(weights, lr=0.1).param_groups[0])
        for kind in ('AdamW', 'SGD', 'RMSprop', 'Adadelta', 'Rprop')
    }
    assert len(set(kinds.values())) == 5
    assert kinds['AdamW'] == {'betas'}
