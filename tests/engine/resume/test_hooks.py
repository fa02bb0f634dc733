"""What a runner takes over from a checkpoint, on a model that trains in milliseconds."""

import pytest
import torch
from mmengine.model import BaseModel
from torch.utils.data import DataLoader

from mmbackbones.engine.resume import RebuildCheckpointHook, ResumingRunner, RunStateHook, read_run_state
from mmbackbones.weights import load_from_file


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 1)

    def forward(self, inputs, data_samples=None, mode='loss'):
        return dict(loss=self.linear(inputs).pow(2).mean())


class Numbers(torch.utils.data.Dataset):
    metainfo = dict(classes=('a', 'b'))

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return dict(inputs=torch.linspace(-1, 1, 24).view(8, 3)[index])


@pytest.fixture
def runner(tmp_path):
    """Makes one that trains for epochs of 4 batches: ``runner('name', epochs=2, resume='epoch_1.pth')``."""

    def make(name, epochs, resume=None, accumulate=1, hook=True, **settings):
        torch.manual_seed(0)
        hooks = dict(rebuild_checkpoint=RebuildCheckpointHook()) if resume else {}
        train_cfg = dict(by_epoch=True, max_epochs=epochs)
        return ResumingRunner(
            model=Model(),
            work_dir=str(tmp_path / name),
            train_dataloader=DataLoader(Numbers(), batch_size=2),
            train_cfg=train_cfg,
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9), accumulative_counts=accumulate),
            param_scheduler=[dict(type='MultiStepLR', by_epoch=False, milestones=[5])],
            default_hooks={**hooks, 'logger': None},
            custom_hooks=[RunStateHook(run='id', settings=settings)] if hook else [],
            load_from=resume,
            resume=bool(resume),
            experiment_name=f'{tmp_path.name}_{name}',
            log_level='ERROR',
            cfg=dict(train_cfg=train_cfg, load_from=resume),
        )

    return make


def assert_same(first, second):
    first, second = load_from_file(first), load_from_file(second)
    for part in ('state_dict', 'optimizer'):
        torch.testing.assert_close(first[part], second[part], rtol=0, atol=0)
    assert first['param_schedulers'] == second['param_schedulers']


class TestRunStateHook:
    def test_a_checkpoint_says_whose_it_is(self, runner, tmp_path):
        runner('a', 1, lr=0.1).train()
        meta = load_from_file(tmp_path / 'a/epoch_1.pth')['meta']
        assert {key: meta[key] for key in ('run_id', 'by_epoch', 'epoch_length', 'settings')} == dict(
            run_id='id', by_epoch=True, epoch_length=4, settings=dict(lr=0.1)
        )

    @pytest.mark.parametrize('accumulate', [1, 3])
    def test_a_resumed_run_is_equal(self, accumulate, runner, tmp_path):
        """With 3 batches per step, the first epoch ends with one that waits for its optimizer step."""
        runner('whole', 3, accumulate=accumulate).train()
        file = tmp_path / 'whole/epoch_1.pth'
        assert ('accumulated_gradients' in load_from_file(file)) == (accumulate > 1)
        runner('resumed', 3, resume=str(file), accumulate=accumulate).train()
        assert_same(tmp_path / 'whole/epoch_3.pth', tmp_path / 'resumed/epoch_3.pth')

    def test_without_it_gradients_are_lost(self, runner, tmp_path):
        """So the equality above has teeth."""
        runner('whole', 3, accumulate=3).train()
        runner('resumed', 3, resume=str(tmp_path / 'whole/epoch_1.pth'), accumulate=3, hook=False).train()
        with pytest.raises(AssertionError, match='not equal'):
            assert_same(tmp_path / 'whole/epoch_3.pth', tmp_path / 'resumed/epoch_3.pth')


class TestRebuildCheckpointHook:
    def test_what_mmengine_would_execute_is_gone(self, runner, tmp_path):
        runner('whole', 1).train()
        file = str(tmp_path / 'whole/epoch_1.pth')
        resuming, checkpoint = runner('resumed', 2, resume=file), load_from_file(file)
        checkpoint['meta']['config'] = 'import os'
        checkpoint['message_hub']['runtime_info']['best_ckpt'] = '/precious'
        RebuildCheckpointHook().after_load_checkpoint(resuming, checkpoint)
        assert 'config' not in checkpoint['meta']
        assert checkpoint['message_hub']['runtime_info'] == {}
        assert checkpoint['meta']['dataset_meta'] is Numbers.metainfo


class TestResumingRunner:
    def test_it_reads_no_file_that_was_read(self, runner, tmp_path, monkeypatch):
        runner('whole', 2).train()
        file = str(tmp_path / 'whole/epoch_1.pth')
        state = read_run_state(file)
        reads = []
        monkeypatch.setattr(torch, 'load', lambda *given, **_: reads.append(given))
        resumed = runner('resumed', 2, resume=file)
        resumed.resumed = state
        resumed.train()
        assert reads == []
        assert state.checkpoint is None  # no second copy is kept during training
        monkeypatch.undo()
        assert_same(tmp_path / 'whole/epoch_2.pth', tmp_path / 'resumed/epoch_2.pth')

    def test_other_files_are_read(self, runner, tmp_path):
        runner('whole', 2).train()
        one, two = (str(tmp_path / f'whole/epoch_{epoch}.pth') for epoch in (1, 2))
        loading = runner('other', 1)
        loading.resumed = read_run_state(one)
        assert loading.load_checkpoint(two)['meta']['epoch'] == 2
        assert loading.load_checkpoint(one)['meta']['epoch'] == 1
        assert loading.load_checkpoint(one)['meta']['epoch'] == 1  # it was taken: from the file
