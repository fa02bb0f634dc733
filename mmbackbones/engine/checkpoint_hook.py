"""Atomic checkpoints, and a best checkpoint that does not depend on interruptions."""

import shutil
from bisect import bisect
from collections import deque
from io import BytesIO
from logging import WARNING
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS

from ..errors import UserError
from ..evaluation.summary import tidy_metrics
from ..utils.atomic_write import atomic_write, remove_partials
from ..utils.messages import tell
from ..weights import load_from_file
from .averaged_weights import averaged_model
from .category_ids import ids_in_annotations
from .checkpoint_files import CheckpointFiles
from .checkpoint_record import RECORD, Record, read_record, run_of
from .distributed import main_process_first
from .finite_loss import check_weights, finish_loss_check
from .results_hook import ResultsHook
from .running_statistics import average_running_statistics

_PATHS = ('best_ckpt', 'last_ckpt', 'keep_ckpt_ids')  # MMEngine's records of files that it would remove


def guard_checkpoints(cfg: Config, minutes: float | None = None) -> None:
    """Have a config write its checkpoints with :class:`WholeCheckpointHook`, and none after a loss that is not finite.

    Args:
        cfg: The config; changed in place.
        minutes: Also save one whenever the last one is so old.

    Raises:
        UserError: The config writes its checkpoints to something else than a folder.
    """
    checkpoint = cfg.default_hooks.get('checkpoint')
    if checkpoint and checkpoint.type in ('CheckpointHook', 'WholeCheckpointHook'):
        checkpoint.type = 'WholeCheckpointHook'
        place = checkpoint.get('out_dir') or ''
        if '://' in place or checkpoint.get('backend_args') or checkpoint.get('file_client_args'):
            raise UserError(
                f'default_hooks.checkpoint writes to {place or "a storage of its own"}, but checkpoints '
                'can only be written to a folder: give out_dir as a path, without backend_args'
            )
    others = [hook for hook in cfg.get('custom_hooks', []) if hook['type'] != 'FiniteLossHook']
    cfg.custom_hooks = [*others, dict(type='FiniteLossHook')]


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
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
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.validated: int | None = None  # the last position of the run with no validation left to do
        self.best: dict[str, tuple[float, int | None]] = {}  # metric -> score and position
        self.metrics: dict[int, dict[str, float]] = {}  # position -> metrics, of the last validation and the best ones
        self.waited = 0  # validations in a row without a better figure, of the first metric of `save_best`
        self._files: CheckpointFiles
        self._saved_at: tuple[int, int] | None = None  # epoch and iteration of the last checkpoint
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
        self._files = CheckpointFiles(folder, self.filename_tmpl, runner._resume, self._resumed_run)
        if is_main_process():
            folder.mkdir(parents=True, exist_ok=True)
            remove_partials(folder, '*.pth.*')
            remove_partials(Path(runner.work_dir), 'last_checkpoint.*')
        if runner._resume:
            self._take_over(runner)

    def _take_over(self, runner) -> None:
        """Take over files and best scores of the resumed run, and do the validation that it had left to do."""
        folder, resumed = self._files.folder, Path(runner._load_from).resolve()
        same_folder = resumed.parent == folder.resolve()
        self._saved_at = runner.epoch, runner.iter
        if same_folder:
            path = folder / resumed.name
            self._files.wrote(path, passing=self._resumed is not None and self._resumed.passing)
            if is_main_process():
                self._keep_regular(runner, path)
        self._take_over_best(runner, folder, resumed.parent)
        if self.validated != _position(runner) and self._validation_is_due(runner, _position(runner)):
            tell('validating the checkpoint first: the run ended before that was done', logger=runner.logger)
            runner.val_loop.run()
            if is_main_process() and same_folder:
                self._record_validation(runner, folder / resumed.name)

    def _keep_regular(self, runner, resumed: Path) -> None:
        """Remove what the resumed run would have removed next."""
        now = runner.epoch if self.by_epoch else runner.iter
        self._files.look_for_passing(until=runner.iter)
        earlier = sorted(
            (step, path)
            for step, path in self._files.regular()
            if step <= now and self._files.is_mine(path) and not self._files.is_passing(path)
        )
        self._files.remove_passing(but=resumed)
        if self.max_keep_ckpts > 0:
            for _, path in earlier[: -self.max_keep_ckpts]:
                path.unlink()
            self.keep_ckpt_ids = deque([step for step, _ in earlier[-self.max_keep_ckpts :]], self.max_keep_ckpts)

    def _take_over_best(self, runner, folder: Path, theirs: Path) -> None:
        if not self.save_best:
            self.best = {}
        for key, (_, step) in list(self.best.items()):
            path = self._files.best_path(key, step)
            there = theirs / path.name
            if is_main_process() and not path.exists() and there.exists():
                with atomic_write(path, make_folder=False) as partial:
                    shutil.copyfile(there, partial)
                self._files.wrote(path)
            if path.exists() or there.exists():
                self._set_best_path(key, str(path))
            else:
                del self.best[key]
                missing = f'{path} is missing: the best checkpoint will be chosen among those from here on'
                tell(missing, WARNING, runner.logger)
        if not self.best and self._resumed is None:
            for key in self.key_indicators if self.save_best else ():
                score = runner.message_hub.runtime_info.get(self._score_name(key))
                if isinstance(score, int | float):
                    self.best[key] = (float(score), None)

    def _validation_is_due(self, runner, step: int) -> bool:
        """Whether a position of the run, counted as the run is, has a validation."""
        loop = runner.train_loop
        if runner.val_loop is None:
            return False
        interval = loop.dynamic_intervals[bisect(loop.dynamic_milestones, step + 1) - 1]
        last = loop.max_epochs if _by_epoch(runner) else loop.max_iters
        return step >= max(1, loop.val_begin) and (step % interval == 0 or step == last)

    # Writing and removing.

    def before_val_epoch(self, runner) -> None:
        self._average(runner)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self._averaged = False
        super().after_train_iter(runner, batch_idx, data_batch, outputs)

    def _average(self, runner) -> None:
        if not self._averaged:  # once only: the mean of equal numbers may differ from them in its last digit
            average_running_statistics(runner.model)
            if (average := averaged_model(runner)) is not None:
                average_running_statistics(average)
            self._averaged = True

    def _write(self, runner, path: Path, passing: bool = False, **options) -> None:
        """Write a checkpoint; all processes have to call this."""
        finish_loss_check(runner)
        self._average(runner)
        check_weights(runner)
        self._passing = passing

        def write() -> None:
            with atomic_write(path, make_folder=False) as partial:
                runner.save_checkpoint(str(path.parent), partial.name, **options)

        main_process_first(write)
        self._files.wrote(path, passing)

    def _save(self, runner, path: Path, meta: dict, passing: bool = False) -> None:
        """Write a checkpoint that a run can be resumed from."""
        epoch, iteration = meta['epoch'], meta['iter']
        step = epoch if _by_epoch(runner) else iteration
        within_epoch = _by_epoch(runner) and iteration != epoch * len(runner.train_dataloader)
        if within_epoch or not self._validation_is_due(runner, step):
            self.validated = step
        self._write(
            runner,
            path,
            passing,
            save_optimizer=passing or self.save_optimizer,
            save_param_scheduler=passing or self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            **self.args,
        )
        self.last_ckpt, self._saved_at = str(path), (epoch, iteration)
        if is_main_process():
            with atomic_write(Path(runner.work_dir) / 'last_checkpoint', make_folder=False) as partial:
                partial.write_text(self.last_ckpt)
            self._files.remove_passing(but=path)

    def save_passing(self, runner, epoch: int, iteration: int) -> None:
        """Write a checkpoint that is kept until the next one is written; all processes have to call this.

        Nothing is written if the last checkpoint is of this position.

        Args:
            runner: The runner.
            epoch: Completed epochs.
            iteration: Completed iterations.
        """
        if self._saved_at != (epoch, iteration):
            self._save(runner, self._files.passing_path(iteration), dict(epoch=epoch, iter=iteration), passing=True)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        self._save(runner, self._files.path(step), meta)
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                old = self._files.path(self.keep_ckpt_ids.popleft())
                if is_main_process():
                    old.unlink(missing_ok=True)
            self.keep_ckpt_ids.append(step)

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        step = runner.epoch if self.by_epoch else runner.iter
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        numbers = {key: value for key, value in tidy_metrics(metrics).items() if isinstance(value, float)}
        self.metrics = {**self.metrics, step: numbers}
        if self.save_best:
            if 'auto' in self.key_indicators:
                self._init_rule(self.rules, [next(iter(metrics))])
                if 'auto' in self.best:
                    self.best[self.key_indicators[0]] = self.best.pop('auto')
            for key, rule in zip(self.key_indicators, self.rules, strict=True):
                self._keep_best(runner, key, rule, metrics, step, meta)
            is_better = self.best.get(self.key_indicators[0], (0.0, None))[1] == step
            self.waited = 0 if is_better else self.waited + 1
        kept = {step, *(best_step for _, best_step in self.best.values())}
        self.metrics = {position: found for position, found in self.metrics.items() if position in kept}
        self.validated = _position(runner)
        if self.last_ckpt and self._saved_at == (runner.epoch, runner.iter):
            path = Path(self.last_ckpt)
            self._save(runner, path, meta, self._files.is_passing(path))

    def save_end(self, runner) -> None:
        """Save where a validation ends the run, unless that is done, or the config wants no checkpoint of the end."""
        if self.save_last and self._saved_at != (runner.epoch, runner.iter):
            step = runner.epoch if self.by_epoch else runner.iter
            self._save_checkpoint_with_step(runner, step, dict(epoch=runner.epoch, iter=runner.iter))

    def _keep_best(self, runner, key: str, rule: str, metrics: dict, step: int, meta: dict) -> None:
        if key not in metrics:
            raise UserError(f'save_best asks for the metric {key}, but validation gives {", ".join(metrics)}')
        score = metrics[key]
        bar, _ = self.best.get(key, (self.init_value_map[rule], None))
        if score is None or not self.is_better_than[key](score, bar):
            return
        self.best[key] = (float(score), step)
        runner.message_hub.update_info(self._score_name(key), score)
        path = self._files.best_path(key, step)
        self._write(runner, path, save_optimizer=False, save_param_scheduler=False, meta=dict(meta), by_epoch=False)
        self._set_best_path(key, str(path))
        runner.logger.info(f'The best checkpoint with {score:0.4f} {key} is saved to {path.name}.')
        if is_main_process():
            for older, other in self._files.best(key):
                if older <= step and other != path and self._files.is_mine(other):
                    other.unlink()

    def _record_validation(self, runner, path: Path) -> None:
        """Write the present record and results into a checkpoint, and leave everything else in it as it is."""
        checkpoint = load_from_file(path, 'cpu')
        self._record(self._files.is_passing(path)).write_to(checkpoint)
        for hook in runner.hooks:
            if isinstance(hook, ResultsHook):
                hook.before_save_checkpoint(runner, checkpoint)
        content = BytesIO()  # PyTorch says nothing of a full disk but that it is at another place than it should be
        torch.save(checkpoint, content)
        with atomic_write(path, make_folder=False) as partial:
            partial.write_bytes(content.getbuffer())

    # What a run leaves.

    def last_checkpoint(self, runner) -> Path | None:
        """The checkpoint that was written last; the resumed one if none was written since; None: there is none."""
        path = self.last_ckpt or (runner._load_from if runner._resume else None)
        return Path(path).absolute() if path else None

    def best_checkpoint(self) -> tuple[Path, str, dict[str, float]] | None:
        """The best checkpoint by the first metric of ``save_best``, if there is one.

        Returns:
            The file, the name of the metric, and all metrics of that checkpoint's validation; those that the record of
            the resumed run lacks are left out.
        """
        if not self.best:
            return None
        first = self.key_indicators[0] if self.save_best else ''
        key = first if first in self.best else next(iter(self.best))
        score, step = self.best[key]
        path = self._files.best_path(key, step)
        if step is None:  # chosen by a run that kept no record
            step, path = max(self._files.best(key), default=(0, path))
        name = key.removeprefix('coco/')
        return (path, name, self.metrics.get(step) or {name: score}) if path.is_file() else None

    # MMEngine's names.

    def _score_name(self, key: str) -> str:
        return 'best_score' if len(self.key_indicators) == 1 else f'best_score_{key}'

    def _set_best_path(self, key: str, path: str) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path


def _by_epoch(runner) -> bool:
    return 'max_epochs' in runner.cfg.train_cfg


def _position(runner) -> int:
    """Where a run is, counted as it is."""
    return runner.epoch if _by_epoch(runner) else runner.iter
