"""The end of a run that no longer gets better; whole runs of that kind are in test_averaged_weights.py."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from mmbackbones.engine.checkpoints.files import CheckpointFiles
from mmbackbones.engine.checkpoints.hook import WholeCheckpointHook
from mmbackbones.engine.checkpoints.record import read_record
from mmbackbones.engine.early_stop import EarlyStopHook, set_early_stop
from mmbackbones.engine.resume import check_early_stop
from mmbackbones.errors import UserError


def configured(**more) -> Config:
    checkpoint = dict(type='CheckpointHook', save_best='auto')
    sections = dict(
        val_cfg=dict(type='ValLoop'), val_dataloader=dict(batch_size=1), default_hooks=dict(checkpoint=checkpoint)
    )
    cfg = Config({**sections, **more})
    set_early_stop(cfg, 3)
    return cfg


def test_a_hook_of_the_config_gives_way():
    theirs = dict(type='EarlyStoppingHook', monitor='coco/bbox_mAP')
    hooks = dict(checkpoint=dict(type='WholeCheckpointHook', save_best='coco/bbox_mAP'), stopping=theirs)
    cfg = configured(default_hooks=hooks, custom_hooks=[dict(type='EMAHook'), theirs])
    assert cfg.default_hooks.early_stop == dict(type='EarlyStopHook', patience=3)
    assert 'stopping' not in cfg.default_hooks
    assert cfg.custom_hooks == [dict(type='EMAHook')]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(val_cfg=None), '--early-stop 3 counts validations .* but this config has no validation: give it val_cfg'),
        (dict(val_dataloader=None), 'no validation'),
        (dict(default_hooks=dict(checkpoint=dict(type='CheckpointHook'))), 'chooses no best checkpoint: .*save_best=a'),
        (dict(default_hooks={}), 'chooses no best checkpoint'),
    ],
)
def test_without_a_figure_there_is_nothing_to_count(change, message):
    with pytest.raises(UserError, match=message):
        configured(**change)


@pytest.mark.parametrize('patience', [0, True, 2.0, '3'])
def test_patience_is_a_count(patience):
    with pytest.raises(ValueError, match='patience must be a whole number of at least 1'):
        EarlyStopHook(patience)


class Run(SimpleNamespace):
    """A run whose checkpoints are not written."""

    def __init__(self, rule: str, by_epoch: bool) -> None:
        self.hook = WholeCheckpointHook(interval=1, by_epoch=by_epoch, save_best=['loss', 'other'], rule=rule)
        self.hook.write = lambda *_, **__: None
        self.hook.files = CheckpointFiles(Path('nowhere'), 'epoch_{}.pth', False, None)
        self.ended: list[int] = []
        self.hook.save_end = lambda runner: self.ended.append(runner.iter)
        loop = SimpleNamespace(epoch=0, iter=0, max_epochs=9, max_iters=90, stop_training=False)
        super().__init__(
            hooks=[self.hook], train_loop=loop, epoch=0, iter=0, cfg=Config(dict(train_cfg=dict(max_epochs=9)))
        )
        self.message_hub = SimpleNamespace(update_info=lambda *_: None)
        self.logger = SimpleNamespace(info=lambda *_: None)


@pytest.mark.parametrize(
    ('rule', 'scores', 'waited'),
    [
        ('greater', [0.1, 0.3, 0.3, 0.2], [0, 0, 1, 2]),
        ('less', [0.1, 0.3, 0.05, 0.06], [0, 1, 0, 1]),
        ('greater', [0.1, None, float('nan'), 0.2], [0, 1, 2, 0]),
    ],
)
def test_only_a_better_first_figure_counts(rule, scores, waited):
    run, found = Run(rule, by_epoch=True), []
    for epoch, score in enumerate(scores, 1):
        run.epoch = run.train_loop.epoch = epoch
        run.iter = run.train_loop.iter = 10 * epoch
        run.hook._save_best_checkpoint(run, dict(loss=score, other=float(epoch)))
        found.append(run.hook.waited)
    assert found == waited


def test_it_ends_where_patience_does_and_says_so(logged):
    messages = logged('mmbackbones.engine.early_stop')
    run, hook = Run('greater', by_epoch=True), EarlyStopHook(2)
    run.hook.best = dict(loss=(0.25, 3))
    for run.hook.waited in (0, 1):
        hook.after_val_epoch(run)
        assert not run.train_loop.stop_training
    run.hook.waited = 2
    hook.after_val_epoch(run)
    assert run.train_loop.stop_training
    assert len(run.ended) == 1
    assert messages == [
        'the run ends here (--early-stop 2): 2 validations in a row found no better loss than the 0.250 of epoch 3'
    ]
    run.train_loop.epoch = 9  # it would have ended here anyway
    hook.after_val_epoch(run)
    assert len(messages) == 1


@pytest.mark.parametrize(('waited', 'count'), [(3, 3), (-1, 0), (True, 0), ('3', 0), (None, 0)])
def test_records_of_any_kind(waited, count):
    assert read_record(dict(record=dict(waited=waited))).waited == count


def test_a_smaller_patience_than_the_run_has_waited_is_refused():
    cfg = configured()
    check_early_stop(SimpleNamespace(path='a.pth', waited=2), cfg)
    with pytest.raises(UserError, match='a.pth is of a finished run: 4 validations in a row .* with N above 4'):
        check_early_stop(SimpleNamespace(path='a.pth', waited=4), cfg)
    cfg.default_hooks.pop('early_stop')
    check_early_stop(SimpleNamespace(path='a.pth', waited=4), cfg)
