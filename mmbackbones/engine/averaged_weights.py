"""Exponential moving average of the weights, which is validated and saved in place of the trained ones."""

from itertools import chain
from typing import Any

from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.registry import HOOKS, MODELS
from torch import Tensor, nn

from .runner_facts import hook_of, network_of

AVERAGE = 'ema_state_dict'  # where a checkpoint keeps the trained weights, those of its model being their average
_HOOK = dict(type='AveragedWeightsHook', update_buffers=True)
# After n steps each new one counts 10 / (10 + n), so that the average is that of about the last tenth of the run, as
# short as it may be; from step 50,000 on it counts as much as in recipes of long training runs.
_AVERAGE = dict(ema_type='MomentumAnnealingEMA', gamma=10, momentum=2e-4)


def set_ema(cfg: Config, asked: bool) -> None:
    """Have a run validate and save the average of its weights, if that is asked for; in any case by our hook.

    Args:
        cfg: The config; changed in place. If it has an ``EMAHook``, that one's arguments stay. ``default_hooks.ema``
            may hold arguments in place of the defaults.
        asked: Whether ``--ema`` is given.
    """
    if asked and not averages_weights(cfg):
        given = cfg.default_hooks.get('ema') or {}
        cfg.default_hooks.ema = {**_HOOK, **({} if 'ema_type' in given else _AVERAGE), **given}
    for hook in _averages_in(cfg):
        hook['type'] = _HOOK['type']


def averages_weights(cfg: Config) -> bool:
    """Whether a run of this config averages its weights."""
    return bool(_averages_in(cfg))


def averaged_model(runner) -> nn.Module | None:
    """The copy of the model with the average of its weights; during a validation, with the trained ones."""
    hook = hook_of(runner, AveragedWeightsHook)
    return None if hook is None or hook.ema_model is None else hook.ema_model.module


def _averages_in(cfg: Config) -> list[Any]:
    hooks = chain(cfg.default_hooks.values(), cfg.get('custom_hooks') or [])
    return [hook for hook in hooks if isinstance(hook, dict) and hook.get('type') in ('EMAHook', _HOOK['type'])]


@HOOKS.register_module()
class AveragedWeightsHook(EMAHook):
    """MMEngine's ``EMAHook``, exact wherever a run is interrupted and however its batches are put together.

    - The average takes a step with each step of the optimizer, not with each batch that is accumulated for one.
    - What is not averaged, such as counters, is that of the trained model whenever the average is used.
    - A checkpoint holds the average as its model, also one that is written during a validation, while the two are
      swapped. The trained weights are beside it where a run can be resumed, and left out of best checkpoints.
    - The average is begun when the weights have been loaded. A test needs none: its weights are the average already.

    Args:
        ema_type: Kind of average, one of MMEngine's or MMDetection's.
        strict_load: Whether the keys of a resumed average have to be those of the model.
        begin_iter: Iteration from which on weights are averaged.
        begin_epoch: Epoch from which on weights are averaged.
        kwargs: Arguments of the average, such as ``momentum``, the share of the new weights in each step.
    """

    def __init__(
        self,
        ema_type: str = 'ExponentialMovingAverage',
        strict_load: bool = False,
        begin_iter: int = 0,
        begin_epoch: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(ema_type, strict_load, begin_iter, begin_epoch, **kwargs)
        MODELS.build({**self.ema_cfg, 'model': nn.Identity()})  # refuses wrong arguments before the data is checked
        self.ema_model: Any = None
        self.swapped = False  # whether the model has the average, and the copy the trained weights
        self._resumed: dict[str, Tensor] | None = None  # the average in the checkpoint that is resumed

    def before_run(self, runner) -> None:
        """Leave it to the training run to begin an average."""

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Take over the average of the resumed run, and hand its trained weights to the model."""
        if runner._resume and AVERAGE in checkpoint:
            self._swap_ema_state_dict(checkpoint)
            self._resumed = checkpoint.pop(AVERAGE)

    def before_train(self, runner) -> None:
        super().before_train(runner)
        self.src_model = network_of(runner)
        self.ema_model = MODELS.build({**self.ema_cfg, 'model': self.src_model})
        self.swapped = False
        if self._resumed is not None:
            self.ema_model.load_state_dict(self._resumed, strict=self.strict_load)
            self._resumed = None

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.optim_wrapper.should_update():  # the batch was the last one of its optimizer step
            super().after_train_iter(runner, batch_idx, data_batch, outputs)

    def before_val_epoch(self, runner) -> None:
        if self.ema_model is not None:
            self._follow()
            self._swap_ema_parameters()
            self.swapped = True

    def after_val_epoch(self, runner, metrics=None) -> None:
        if self.swapped:
            self._swap_ema_parameters()
            self.swapped = False

    def before_test_epoch(self, runner) -> None:
        """Leave the weights as they were loaded."""

    def after_test_epoch(self, runner, metrics=None) -> None:
        """Leave the weights as they were loaded."""

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if self.swapped:
            checkpoint[AVERAGE] = self.ema_model.state_dict()
        else:
            self._follow()
            super().before_save_checkpoint(runner, checkpoint)
        if 'optimizer' not in checkpoint:  # no run is resumed from it
            del checkpoint[AVERAGE]

    def _follow(self) -> None:
        """Copy to the average what is not averaged."""
        averaged = self.ema_model.avg_parameters
        trained = chain(self.src_model.named_parameters(), self.src_model.named_buffers())
        copies = dict(chain(self.ema_model.module.named_parameters(), self.ema_model.module.named_buffers()))
        for name, value in trained:
            if name not in averaged or not value.is_floating_point():
                copies[name].data.copy_(value.data)
