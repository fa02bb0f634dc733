"""Hook: the match of a checkpoint with the model."""

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ..weights import find_state_dict, match_weights
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
        match = match_weights(model, find_state_dict(checkpoint, file), file)
        match.require('' if self.strict else BACKBONE)
        checkpoint['state_dict'] = fitting = match.fitting
        runner.logger.info(f'loaded {len(fitting)} of {len(match.expected)} keys from {file}')
        for line in match.left_out():
            runner.logger.warning(line)
