"""Atomic checkpoints, and a best checkpoint that does not depend on interruptions."""

import math
from bisect import bisect
from io import BytesIO
from pathlib import Path
from time import monotonic

import torch
from mmengine.dist import is_distributed, is_main_process
from mmengine.registry import HOOKS

from ...utils.atomic_write import atomic_write, remove_partials
from ...utils.messages import tell
from ...weights import load_from_file
from ..averaged_weights import averaged_model
from ..category_ids import ids_in_annotations
from ..finite_loss import agreement_of, finish_loss_check
from ..finite_weights import check_weights
from ..processes.distributed import main_process_first
from ..processes.running_statistics import average_running_statistics
from ..processes.sharding import gather_shards
from ..results_hook import ResultsHook
from ..runner_facts import completed, counted_in_epochs, hook_of
from .best import BestCheckpointHook
from .files import CheckpointFiles
from .record import RECORD, Record, read_record, run_of

_OLD = 'old'  # what the processes call it that the main process wants another checkpoint
_PATHS = ('best_ckpt', 'last_ckpt', 'keep_ckpt_ids')  # MMEngine's records of files that it would remove


@HOOKS.register_module()
class WholeCheckpointHook(BestCheckpointHook):
    """MMEngine's ``CheckpointHook``, safe against being killed at any moment.

    - Files are written atomically. What they replace is removed afterwards, only in the folder of the checkpoints, and
      only if this run wrote it: checkpoints carry the id of their run.
    - A checkpoint is written before its validation, as in MMEngine, and once more after it, with a record of that. A
      run that is resumed from a checkpoint without the record validates first. So the best checkpoint is the one that
      an uninterrupted run would have.
    - Weights that are not finite are never written. With several processes the running statistics of batch norms are
      averaged first, so that all processes continue with, and validate, the model that is saved.
    - Between two regular checkpoints, which are counted in epochs or iterations, :meth:`save_passing` writes one that
      lives until the next of any kind.

    Takes the arguments of ``CheckpointHook``; ``out_dir`` has to be a folder on this machine.

    Args:
        minutes: Also write one, with :meth:`save_passing`, whenever the last one is so old.
    """

    def __init__(self, *args, minutes: float | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if minutes is not None and (not isinstance(minutes, int | float) or not 0 < minutes < math.inf):
            raise ValueError(f'minutes must be a number above 0, got {minutes!r}')
        self.minutes = minutes
        self.validated: int | None = None  # the last position of the run with no validation left to do
        self._saved_at: tuple[int, int] | None = None  # epoch and iteration of the last checkpoint
        self._saved_when = 0.0
        self._passing = False  # whether the checkpoint that is written now is kept until the next one only
        self._resumed: Record | None = None  # record of the resumed checkpoint; None if this hook did not write it
        self._resumed_run: str | None = None  # id of the run in it
        self._averaged = False

    # What a checkpoint says of its run.

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if ids := ids_in_annotations(runner.train_dataloader.dataset):
            checkpoint['meta'].get('dataset_meta', {})['category_ids'] = ids
        self._record(self._passing).write_to(checkpoint)

    def _record(self, passing: bool) -> Record:
        return Record(self.validated, self.best, self.metrics, self.waited, passing)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume:
            self._resumed = read_record(checkpoint) if checkpoint.get(RECORD) else None
            record = self._resumed or Record()
            self.validated, self.best = record.validated, record.best
            self.metrics, self.waited = record.metrics, record.waited
            self._resumed_run = run_of(checkpoint)

    def before_train(self, runner) -> None:
        info = runner.message_hub.runtime_info
        for key in [key for key in info if key.startswith(_PATHS)]:
            del info[key]
        super().before_train(runner)
        folder = Path(self.out_dir)
        self.files = CheckpointFiles(folder, self.filename_tmpl, runner._resume, self._resumed_run)
        if is_main_process():
            folder.mkdir(parents=True, exist_ok=True)
            remove_partials(folder, '*.pth.*')
        if runner._resume:
            self._take_over(runner)
        self._saved_when = monotonic()
        if self.minutes:
            agreement_of(runner).ask(_OLD, self._is_old)

    def _is_old(self) -> int:
        """Whether it is time for another checkpoint, by the clock of the main process."""
        return int(is_main_process() and monotonic() - self._saved_when >= 60 * (self.minutes or math.inf))

    def _take_over(self, runner) -> None:
        """Take over files and best scores of the resumed run, and do the validation that it had left to do."""
        folder, resumed = self.files.folder, Path(runner._load_from).resolve()
        same_folder = resumed.parent == folder.resolve()
        self._saved_at = runner.epoch, runner.iter
        if same_folder:
            path = folder / resumed.name
            self.files.wrote(path, passing=self._resumed is not None and self._resumed.passing)
            if is_main_process():
                now = runner.epoch if self.by_epoch else runner.iter
                self.files.remove_earlier(now, runner.iter, path, self.max_keep_ckpts)
        self.take_over_best(runner, resumed.parent, self._resumed is not None)
        if self.validated != completed(runner) and self._validation_is_due(runner, completed(runner)):
            tell('validating the checkpoint first: the run ended before that was done', logger=runner.logger)
            runner.val_loop.run()
            if is_main_process() and same_folder:
                self._record_validation(runner, folder / resumed.name)

    def _validation_is_due(self, runner, step: int) -> bool:
        """Whether a position of the run, counted as the run is, has a validation."""
        loop = runner.train_loop
        if runner.val_loop is None:
            return False
        interval = loop.dynamic_intervals[bisect(loop.dynamic_milestones, step + 1) - 1]
        last = loop.max_epochs if counted_in_epochs(runner) else loop.max_iters
        return step >= max(1, loop.val_begin) and (step % interval == 0 or step == last)

    # Writing and removing.

    def before_val_epoch(self, runner) -> None:
        self._average(runner)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self._averaged = False
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if (
            self.minutes
            and agreement_of(runner).number(_OLD)
            and not (counted_in_epochs(runner) and self.end_of_epoch(runner.train_dataloader, batch_idx))
            and can_be_saved(runner)
        ):
            self.save_passing(runner, runner.epoch, runner.iter + 1)
            agreement_of(runner).done(_OLD)

    def _average(self, runner) -> None:
        if not self._averaged:  # once only: the mean of equal numbers may differ from them in its last digit
            average_running_statistics(runner.model)
            if (average := averaged_model(runner)) is not None:
                average_running_statistics(average)
            self._averaged = True

    def write(self, runner, path: Path, passing: bool = False, **options) -> None:
        """Write a checkpoint; all processes have to call this."""
        finish_loss_check(runner)
        self._average(runner)
        check_weights(runner)
        gather_shards(runner, options['save_optimizer'])
        self._passing = passing

        def write() -> None:
            with atomic_write(path, make_folder=False) as partial:
                runner.save_checkpoint(str(path.parent), partial.name, **options)

        main_process_first(write)
        self.files.wrote(path, passing)

    def _save(self, runner, path: Path, meta: dict, passing: bool = False) -> None:
        """Write a checkpoint that a run can be resumed from."""
        epoch, iteration = meta['epoch'], meta['iter']
        step = epoch if counted_in_epochs(runner) else iteration
        within_epoch = counted_in_epochs(runner) and iteration != epoch * len(runner.train_dataloader)
        if within_epoch or not self._validation_is_due(runner, step):
            self.validated = step
        self.write(
            runner,
            path,
            passing,
            save_optimizer=passing or self.save_optimizer,
            save_param_scheduler=passing or self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            **self.args,
        )
        self.last_ckpt, self._saved_at, self._saved_when = str(path), (epoch, iteration), monotonic()
        if is_main_process():
            with atomic_write(Path(runner.work_dir) / 'last_checkpoint', make_folder=False) as partial:
                partial.write_text(self.last_ckpt)
            self.files.remove_passing(but=path)

    def save_passing(self, runner, epoch: int, iteration: int) -> None:
        """Write a checkpoint that is kept until the next one is written; all processes have to call this.

        Nothing is written if the last checkpoint is of this position.

        Args:
            runner: The runner.
            epoch: Completed epochs.
            iteration: Completed iterations.
        """
        if self._saved_at != (epoch, iteration):
            self._save(runner, self.files.passing_path(iteration), dict(epoch=epoch, iter=iteration), passing=True)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        self._save(runner, self.files.path(step), meta)
        if is_main_process():
            self.files.keep_regular(step, self.max_keep_ckpts)

    def save_end(self, runner) -> None:
        """Save where a validation ends the run, unless that is done, or the config wants no checkpoint of the end."""
        if self.save_last and self._saved_at != (runner.epoch, runner.iter):
            step = runner.epoch if self.by_epoch else runner.iter
            self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=runner.iter))

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        self.keep_best(runner, metrics)
        self.validated = completed(runner)
        if self.last_ckpt and self._saved_at == (runner.epoch, runner.iter):
            path = Path(self.last_ckpt)
            self._save(runner, path, dict(epoch=runner.epoch, iter=runner.iter), self.files.is_passing(path))

    def _record_validation(self, runner, path: Path) -> None:
        """Write the present record and results into a checkpoint, and leave everything else in it as it is."""
        checkpoint = load_from_file(path, 'cpu')
        self._record(self.files.is_passing(path)).write_to(checkpoint)
        if (results := hook_of(runner, ResultsHook)) is not None:
            results.before_save_checkpoint(runner, checkpoint)
        content = BytesIO()  # PyTorch says nothing of a full disk but that it is at another place than it should be
        torch.save(checkpoint, content)
        with atomic_write(path, make_folder=False) as partial:
            partial.write_bytes(content.getbuffer())


def can_be_saved(runner) -> bool:
    """Whether a checkpoint written now would hold all of a run: gradients of several processes are in none."""
    return not is_distributed() or runner.optim_wrapper.should_update()
