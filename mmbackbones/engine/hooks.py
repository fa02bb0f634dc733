"""Hook: the progress of a training run."""

from time import monotonic

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import printable


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
