"""Hook: ``results.csv`` and ``curves.png`` in the work directory of a training run."""

from logging import WARNING
from pathlib import Path
from time import monotonic
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ..evaluation.results_table import RESULTS, results_csv, write_results_csv
from ..evaluation.summary import tidy_metrics
from ..utils.messages import tell
from ..utils.paths import shown_path
from ..utils.result_columns import Row
from ..visualization.curves import save_curves
from .config_tree import add_hook
from .runner_facts import counted_in_epochs
from .training_figures import TrainingFigures, from_checkpoint, to_checkpoint

CURVES = 'curves.png'  # name of the picture in a work directory
_PART = 'results'  # of a checkpoint


def record_results(cfg: Config) -> None:
    """Have a run of this config leave ``results.csv`` and ``curves.png``."""
    add_hook(cfg, 'ResultsHook')


@HOOKS.register_module()
class ResultsHook(Hook):
    """Writes a row to ``results.csv`` at each validation, and draws ``curves.png`` anew.

    A run that ends without a validation of its last iterations gets a row for them. Checkpoints carry the rows, and
    what was measured since the last one, so that a resumed run has the rows of an uninterrupted one wherever it goes
    on; rows of later positions, or of an earlier run in the same folder, are dropped. Only the main process measures
    and writes. A file that cannot be written ends the run, as a checkpoint does, unless it is only kept from being
    written, as one that a spreadsheet has open on Windows: the next row is written with all before it.
    """

    priority = 'NORMAL'  # before MMEngine's log resets the peak of memory, and before checkpoints are written

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.figures = TrainingFigures()
        self._last: float | None = None  # end of the iteration before; None: something else was done since
        self._begin = 0.0  # when the run would have begun without interruptions

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume:
            self.rows, self.figures = from_checkpoint(checkpoint.get(_PART))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if 'optimizer' in checkpoint:  # else no run is resumed from it
            self.figures.seconds = monotonic() - self._begin
            checkpoint[_PART] = to_checkpoint(self.rows, self.figures)

    def before_train(self, runner) -> None:
        self._begin = monotonic() - self.figures.seconds
        self.rows = [row for row in self.rows if row['iteration'] <= runner.iter]
        if not is_main_process():
            return
        folder = Path(runner.work_dir)
        if self.rows:
            path = folder / RESULTS
            if not path.is_file() or path.read_bytes() != results_csv(self.rows):
                self._write(folder)
        else:
            for name in (RESULTS, CURVES):
                (folder / name).unlink(missing_ok=True)

    def before_train_iter(self, runner, batch_idx: int, data_batch: Any = None) -> None:
        if self._last is None:
            self._last = monotonic()

    def after_train_iter(self, runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if not is_main_process():
            return
        now, rates = monotonic(), runner.optim_wrapper.get_lr()
        images = _count_images(data_batch, runner.train_dataloader) * get_world_size()
        assert self._last is not None  # set before the iteration
        self.figures.add(outputs or {}, images, now - self._last, next(iter(rates.values()))[0])
        self._last = now

    def after_train_epoch(self, runner) -> None:
        self._last = None

    def before_val_epoch(self, runner) -> None:
        self._last = None

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        numbers = {key: value for key, value in tidy_metrics(metrics or {}).items() if isinstance(value, float)}
        self._add_row(runner, numbers)

    def after_train(self, runner) -> None:
        if self.figures.images:  # since the last validation
            self._add_row(runner, {})

    def _add_row(self, runner, metrics: dict[str, float]) -> None:
        if not is_main_process():
            return
        self.figures.seconds = monotonic() - self._begin
        row: Row = {'iteration': runner.iter, **self.figures.take(), **metrics}
        if counted_in_epochs(runner):
            row['epoch'] = runner.epoch
        self.rows = [*(earlier for earlier in self.rows if earlier['iteration'] < runner.iter), row]
        self._write(Path(runner.work_dir))

    def _write(self, folder: Path) -> None:
        for name, write in ((RESULTS, write_results_csv), (CURVES, save_curves)):
            try:
                write(self.rows, folder / name)
            except PermissionError as error:
                tell(
                    f'cannot write {shown_path(folder / name)}: {error.strerror or error}; training goes on, and the '
                    'next validation writes all of it: close it if another program has it open',
                    WARNING,
                )


def _count_images(batch: Any, loader: Any) -> int:
    inputs: Any = batch.get('inputs') if isinstance(batch, dict) else None
    return len(inputs) if hasattr(inputs, '__len__') else loader.batch_size
