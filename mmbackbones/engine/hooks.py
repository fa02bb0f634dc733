"""Hooks: the match of a checkpoint with the model, and the progress of a training run."""

from time import monotonic

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import UserError, printable
from ..weights import find_state_dict
from ..weights.loading import can_load, is_needed


@HOOKS.register_module(name=['CheckpointMatchHook', 'FitWeightsHook'])
class CheckpointMatchHook(Hook):
    """Checks a checkpoint against the model before it is loaded; MMEngine silently skips mismatched keys.

    Args:
        strict: Every key has to match, as for a test. Otherwise the keys of the backbone have to, and others that do
            not are skipped and logged, so that a detector can start from one with other classes.

    Raises:
        UserError: While loading, if a key that has to match does not.
    """

    priority = 'HIGHEST'

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        file = runner.cfg.load_from
        model = getattr(runner.model, 'module', runner.model)  # without the wrapper of several GPUs or augmentation
        own, given = model.state_dict(), find_state_dict(checkpoint, file)
        fits = {key: value for key, value in given.items() if key in own and can_load(own[key], value)}
        wrong = [key for key in {**own, **given} if key not in fits and (key in given or is_needed(key))]
        if blame := wrong if self.strict else [key for key in wrong if key.startswith('backbone.')]:
            raise UserError(f'{file} does not fit the config: {len(fits)} of {len(own)} keys do, {blame[0]} does not')
        checkpoint['state_dict'] = fits
        runner.logger.info(f'loaded {len(fits)} of {len(own)} keys from {file}')
        if wrong:
            runner.logger.warning(f'left out, because they differ here: {", ".join(wrong)}')


@HOOKS.register_module()
class ProgressHook(Hook):
    """A progress bar with the loss and a validation metric; one line per validation when output is not a terminal.

    Args:
        metric: Name of the metric.
    """

    priority = 'VERY_LOW'

    def __init__(self, metric: str = 'coco/bbox_mAP_50') -> None:
        self.metric = metric
        self.score = ''
        self.bar = Progress(
            TextColumn('{task.fields[position]}'),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn('loss {task.fields[loss]}{task.fields[score]}', markup=False),
            TimeRemainingColumn(),
        )

    def _position(self, runner, epochs_done: int) -> str:
        """The current epoch, or the current iteration of a run that is counted in iterations."""
        if 'max_epochs' in runner.cfg.train_cfg:
            return f'epoch {epochs_done}/{runner.max_epochs}'
        return f'iteration {runner.iter}/{runner.max_iters}'

    def before_train(self, runner) -> None:
        self.started = monotonic()
        if is_main_process() and self.bar.console.is_terminal:
            self.bar.start()
        self.task = self.bar.add_task('train', total=runner.max_iters, position='', loss='-', score='')

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        loss = runner.message_hub.get_scalar('train/loss').mean(20)
        self.bar.update(
            self.task,
            completed=runner.iter + 1,
            position=self._position(runner, runner.epoch + 1),
            loss=f'{loss:.3f}',
            score=self.score,
        )

    def after_val_epoch(self, runner, metrics=None) -> None:
        if self.metric in metrics:
            self.score = f'  {printable(self.metric.removeprefix("coco/"))} {metrics[self.metric]:.3f}'
        if is_main_process() and not self.bar.console.is_terminal:
            loss = runner.message_hub.get_scalar('train/loss').mean(20)
            print(
                f'{self._position(runner, runner.epoch)}  loss {loss:.3f}{self.score}  '
                f'{monotonic() - self.started:.0f} s',
                flush=True,
            )

    def after_train(self, runner) -> None:
        self.bar.update(self.task, score=self.score)
        self.bar.stop()
