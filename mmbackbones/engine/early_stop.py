"""End of a training run that no longer gets better."""

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ..errors import UserError, printable
from ..utils.messages import tell
from ..utils.text import counted
from .checkpoints.hook import WholeCheckpointHook
from .config_tree import drop_hook
from .runner_facts import counted_in_epochs, hook_of

_THEIRS = 'EarlyStoppingHook'


def set_early_stop(cfg: Config, patience: int) -> None:
    """End a run after `patience` validations in a row without a better figure: the first one of ``save_best``.

    Args:
        cfg: The config; changed in place. An ``EarlyStoppingHook`` of its own, which a resume would start anew, gives
            way.
        patience: Number of validations, 1 or more.

    Raises:
        UserError: The config does not validate, or does not say what the best checkpoint is chosen by.
    """
    asked = f'--early-stop {patience} counts validations without a better figure, but'
    if not cfg.get('val_cfg') or not cfg.get('val_dataloader'):
        raise UserError(
            f'{asked} this config has no validation: give it val_cfg and val_dataloader, or leave out --early-stop'
        )
    checkpoint = cfg.default_hooks.get('checkpoint') or {}
    if checkpoint.get('type') not in ('CheckpointHook', 'WholeCheckpointHook') or not checkpoint.get('save_best'):
        raise UserError(
            f'{asked} default_hooks.checkpoint chooses no best checkpoint: name the figure, as in '
            '--cfg-options default_hooks.checkpoint.save_best=auto, or leave out --early-stop'
        )
    for name, hook in list(cfg.default_hooks.items()):
        if isinstance(hook, dict) and hook.get('type') == _THEIRS:
            del cfg.default_hooks[name]
    drop_hook(cfg, _THEIRS)
    cfg.default_hooks.early_stop = dict(type='EarlyStopHook', patience=patience)


@HOOKS.register_module()
class EarlyStopHook(Hook):
    """Ends a run after some validations in a row without a better figure.

    :class:`WholeCheckpointHook` counts them, and keeps the count in checkpoints: a resumed run ends where an
    uninterrupted one does.

    Args:
        patience: Number of validations.
    """

    priority = 'LOWEST'  # after the hook that counts, and the lines of the validation

    def __init__(self, patience: int) -> None:
        if type(patience) is not int or patience < 1:
            raise ValueError(f'patience must be a whole number of at least 1, got {patience!r}')
        self.patience = patience

    def after_val_epoch(self, runner, metrics=None) -> None:
        hook = hook_of(runner, WholeCheckpointHook)
        if hook is None or hook.waited < self.patience:
            return
        hook.save_end(runner)
        runner.train_loop.stop_training = True
        if is_main_process() and _has_more_to_do(runner):
            tell(f'the run ends here (--early-stop {self.patience}): {_reason(hook)}', logger=runner.logger)


def _has_more_to_do(runner) -> bool:
    loop = runner.train_loop
    return loop.epoch < loop.max_epochs if counted_in_epochs(runner) else loop.iter < loop.max_iters


def _reason(hook: WholeCheckpointHook) -> str:
    """Why a run ends, in words."""
    key = hook.key_indicators[0]
    waited = f'{counted(hook.waited, "validation")} in a row found no better {printable(key.removeprefix("coco/"))}'
    score, step = hook.best.get(key, (0.0, None))
    if step is None:
        return waited
    return f'{waited} than the {score:.3f} of {"epoch" if hook.by_epoch else "iteration"} {step}'
