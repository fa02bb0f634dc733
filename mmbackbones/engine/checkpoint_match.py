"""Hook: the match of a checkpoint with the model."""

from logging import WARNING

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ..errors import UserError, printable
from ..utils.messages import tell
from ..weights import find_state_dict, match_weights, trained_classes
from ..weights.whole_model import BACKBONE


@HOOKS.register_module(name=['CheckpointMatchHook', 'FitWeightsHook'])
class CheckpointMatchHook(Hook):
    """Brings a checkpoint's weights under the model's keys before they are loaded, and says which are left out.

    MMEngine would skip the others silently, and all of a backbone that has its authors' keys.

    Args:
        strict: Every weight of the model has to be there and fit, and no others, as for a test. Otherwise those of the
            backbone have to, and others that do not are left out, so that a detector can start from one with other
            classes.

    Raises:
        UserError: While loading, if a key that has to match does not.
    """

    priority = 'HIGHEST'

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        file = runner.cfg.load_from
        model = getattr(runner.model, 'module', runner.model)  # without the wrapper of several GPUs or augmentation
        match = match_weights(model, find_state_dict(checkpoint, file))
        if problems := match.problems('' if self.strict else BACKBONE):
            raise UserError(f'{file} does not fit the config: {problems}')
        checkpoint['state_dict'] = fitting = match.fitting
        loaded = f'loaded {len(fitting)} of {len(match.expected)} keys from {file}'
        if self.strict:
            runner.logger.info(loaded)
        else:
            tell(loaded, logger=runner.logger)
        for line in match.left_out():
            tell(line, WARNING, runner.logger)
        if not self.strict and (difference := _other_classes(runner, checkpoint)):
            tell(f'{difference}: the weights of the classes are loaded by their numbers', WARNING, runner.logger)


def _other_classes(runner, checkpoint: dict) -> str:
    """The first label that stands for another class in the data than in the checkpoint, where there are as many."""
    dataset = getattr(getattr(runner, 'train_dataloader', None), 'dataset', None)
    ours, theirs = getattr(dataset, 'metainfo', {}).get('classes') or (), trained_classes(checkpoint) or ()
    pairs = zip(ours, theirs, strict=True) if len(ours) == len(theirs) else ()
    differing = ((label, *names) for label, names in enumerate(pairs) if names[0] != names[1])
    label, here, there = next(differing, (0, '', ''))
    return printable(f'label {label} is {here!r} in the data and {there!r} in {runner.cfg.load_from}') if here else ''
