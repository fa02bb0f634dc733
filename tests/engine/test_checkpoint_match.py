"""Hook: the match of a checkpoint with the model."""

import logging
from io import StringIO
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmbackbones.engine.checkpoint_match import CheckpointMatchHook
from mmbackbones.errors import UserError


class Detector(nn.Module):
    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.backbone, self.fc_cls = nn.Linear(2, 2), nn.Linear(2, classes)


def load(state: dict, strict: bool, classes: tuple = (), theirs: tuple = ()) -> tuple[dict, str]:
    """What is left of a checkpoint, and the log."""
    logger = logging.Logger('match', logging.INFO)
    logger.addHandler(logging.StreamHandler(log := StringIO()))
    checkpoint = dict(state_dict=state, meta=dict(dataset_meta=dict(classes=theirs)))
    loader = SimpleNamespace(dataset=SimpleNamespace(metainfo=dict(classes=classes)))
    runner = SimpleNamespace(
        cfg=SimpleNamespace(load_from='a.pth'), model=Detector(), logger=logger, train_dataloader=loader
    )
    CheckpointMatchHook(strict).after_load_checkpoint(runner, checkpoint)
    return checkpoint['state_dict'], log.getvalue()


def test_matching_checkpoint_is_loaded():
    state = Detector().state_dict()
    found, log = load(dict(state), strict=True)
    assert set(found) == set(state)
    assert log == 'loaded 4 of 4 keys from a.pth\n'


def test_mismatched_head_is_skipped_and_logged():
    found, log = load({**Detector(classes=5).state_dict(), 'neck.0': torch.ones(1)}, strict=False)
    assert set(found) == {'backbone.weight', 'backbone.bias'}
    assert log == (
        'loaded 2 of 4 keys from a.pth\n'
        'left out, because this model has no such part: neck.0\n'
        'left out, because they are for another number of classes: fc_cls.weight (5x2 in the file, 3x2 here), '
        'fc_cls.bias (5 in the file, 3 here)\n'
    )


@pytest.mark.parametrize(
    ('theirs', 'said'),
    [
        (
            ('cat', 'dog', 'cow'),
            "label 2 is 'owl' in the data and 'cow' in a.pth: the weights of the classes are loaded by",
        ),
        (('cat', 'dog', 'owl'), ''),
        (('cow', 'owl'), ''),
        ((), ''),
    ],
)
def test_as_many_other_classes_are_said(theirs, said):
    _, log = load(Detector().state_dict(), strict=False, classes=('cat', 'dog', 'owl'), theirs=theirs)
    assert said in log
    assert ('label' in log) == bool(said)
    assert 'label' not in load(Detector().state_dict(), strict=True, classes=('cat', 'dog', 'owl'), theirs=theirs)[1]


def test_missing_head_is_logged():
    backbone = {key: value for key, value in Detector().state_dict().items() if key.startswith('backbone.')}
    found, log = load(dict(backbone), strict=False)
    assert found.keys() == backbone.keys()
    assert log.endswith('not in the file, and so left as initialized: fc_cls.* (2 keys)\n')


@pytest.mark.parametrize(
    ('state', 'strict', 'problem'),
    [
        (
            Detector(classes=5).state_dict(),
            True,
            r'2 of 4 keys fit; 2 of another shape: fc_cls.weight \(5x2 in the file, 3x2 here\), fc_cls.bias \(.*\)',
        ),
        ({'backbone.weight': torch.zeros(2, 2)}, False, r'1 of 2 keys fit; 1 missing: backbone.bias'),
        ({'other.weight': torch.zeros(1)}, False, r'0 of 2 keys fit; 2 missing: backbone.weight, backbone.bias'),
    ],
)
def test_mismatched_checkpoint_is_refused(state, strict, problem):
    with pytest.raises(UserError, match=rf'^a\.pth does not fit the config: {problem}$'):
        load(dict(state), strict)
