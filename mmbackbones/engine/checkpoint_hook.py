"""Atomic checkpoints, and a best checkpoint that does not depend on interruptions."""

import math
import re
import shutil
from bisect import bisect
from collections import deque
from collections.abc import Mapping
from logging import WARNING
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop

from ..errors import UserError
from ..evaluation.summary import tidy_metrics
from ..utils.atomic_write import atomic_write, remove_partials
from ..utils.messages import tell
from ..weights import load_from_file
from .category_ids import ids_in_annotations
from .finite_loss import check_weights, finish_loss_check
from .results_hook import ResultsHook
from .running_statistics import average_running_statistics

_PATHS = ('best_ckpt', 'last_ckpt', 'keep_ckpt_ids')  # MMEngine's records of files that it would remove
_RECORD = 'record'  # our part of a checkpoint: what was validated, the best scores until then, and their metrics


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


def lacks_validation(checkpoint: dict) -> bool:
    """Whether a run ended between writing a checkpoint and validating it, so that a resume validates first.

    Args:
        checkpoint: Content of the file; one that :class:`WholeCheckpointHook` did not write lacks nothing.
    """
    meta = checkpoint.get('meta', {})
    return _RECORD in checkpoint and _read_record(checkpoint)['validated'] not in (meta.get('epoch'), meta.get('iter'))


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

    Takes the arguments of ``CheckpointHook``; ``out_dir`` has to be a folder on this machine.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.validated: int | None = None  # the last position (epoch or iteration) with no validation left to do
        self.best: dict[str, tuple[float, int | None]] = {}  # metric -> score and position
        self.metrics: dict[int, dict[str, float]] = {}  # position -> metrics, of the last validation and the best ones
        self._mine: dict[str, bool] = {}  # file name -> whether this run wrote it
        self._resumed = False
        self._resumed_run: str | None = None  # id of the run in the checkpoint that is resumed
        self._has_record = True  # whether that checkpoint was written by this hook
        self._last_step: int | None = None
        self._averaged = False

    # What a checkpoint says of its run.

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if ids := ids_in_annotations(runner.train_dataloader.dataset):
            checkpoint['meta'].get('dataset_meta', {})['category_ids'] = ids
        self._add_record(checkpoint)

    def _add_record(self, checkpoint: dict) -> None:
        checkpoint[_RECORD] = dict(
            validated=self.validated,
            best={key: list(value) for key, value in self.best.items()},
            metrics=self.metrics,
        )

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume:
            record = _read_record(checkpoint)
            self.validated, self.best, self.metrics = record['validated'], record['best'], record['metrics']
            self._resumed, self._resumed_run = True, _run_of(checkpoint)
            self._has_record = bool(checkpoint.get(_RECORD))

    def before_train(self, runner) -> None:
        info = runner.message_hub.runtime_info
        for key in [key for key in info if key.startswith(_PATHS)]:
            del info[key]
        super().before_train(runner)
        folder = Path(self.out_dir)
        if is_main_process():
            remove_partials(folder, '*.pth.*')
        if runner._resume:
            self._take_over(runner, folder)

    def _take_over(self, runner, folder: Path) -> None:
        """Take over files and best scores of the resumed run, and do the validation that it had left to do."""
        now, resumed = self._position(runner), Path(runner._load_from).resolve()
        same_folder = resumed.parent == folder.resolve()
        if same_folder:
            self._mine[resumed.name] = True
        if is_main_process() and self.max_keep_ckpts > 0 and same_folder:
            earlier = sorted((step, path) for step, path in self._files('') if step <= now and self._is_mine(path))
            for _, path in earlier[: -self.max_keep_ckpts]:
                path.unlink()
            self.keep_ckpt_ids = deque([step for step, _ in earlier[-self.max_keep_ckpts :]], self.max_keep_ckpts)
        if not self.save_best:
            self.best = {}
        for key, (_, step) in list(self.best.items()):
            path = folder / self._best_name(key, step)
            there = resumed.parent / path.name
            if is_main_process() and not path.exists() and there.exists():
                with atomic_write(path) as partial:
                    shutil.copyfile(there, partial)
                self._mine[path.name] = True
            if path.exists() or there.exists():
                self._set_best_path(key, str(path))
            else:
                del self.best[key]
                missing = f'{path} is missing: the best checkpoint will be chosen among those from here on'
                tell(missing, WARNING, runner.logger)
        if not self.best and not self._has_record:
            for key in self.key_indicators if self.save_best else ():
                score = runner.message_hub.runtime_info.get(self._score_name(key))
                if isinstance(score, int | float):
                    self.best[key] = (float(score), None)
        if self.validated != now and self._validation_is_due(runner, now):
            tell('validating the checkpoint first: the run ended before that was done', logger=runner.logger)
            runner.val_loop.run()
            if is_main_process() and same_folder:
                self._record_validation(runner, resumed)

    def _position(self, runner) -> int:
        return runner.epoch if self.by_epoch else runner.iter

    def _validation_is_due(self, runner, step: int) -> bool:
        loop = runner.train_loop
        if runner.val_loop is None or isinstance(loop, EpochBasedTrainLoop) != self.by_epoch:
            return False
        interval = loop.dynamic_intervals[bisect(loop.dynamic_milestones, step + 1) - 1]
        last = loop.max_epochs if self.by_epoch else loop.max_iters
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
            self._averaged = True

    def _write(self, runner, name: str, **options) -> str:
        """Write a checkpoint; all processes have to call this. Returns its path."""
        finish_loss_check(runner)
        self._average(runner)
        check_weights(runner)
        path = Path(self.out_dir) / name
        if is_main_process():
            with atomic_write(path) as partial:
                runner.save_checkpoint(self.out_dir, partial.name, **options)
        self._mine[name] = True
        return str(path)

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        if not self._validation_is_due(runner, step):
            self.validated = step
        self.last_ckpt = self._write(
            runner,
            self.filename_tmpl.format(step),
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            **self.args,
        )
        self._last_step = step
        if is_main_process():
            with atomic_write(Path(runner.work_dir) / 'last_checkpoint') as partial:
                partial.write_text(self.last_ckpt)
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                old = Path(self.out_dir) / self.filename_tmpl.format(self.keep_ckpt_ids.popleft())
                if is_main_process():
                    old.unlink(missing_ok=True)
            self.keep_ckpt_ids.append(step)

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        step = self._position(runner)
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
        kept = {step, *(best_step for _, best_step in self.best.values())}
        self.metrics = {position: found for position, found in self.metrics.items() if position in kept}
        self.validated = step
        if self._last_step == step:
            self._save_checkpoint_with_step(runner, step, meta)

    def _keep_best(self, runner, key: str, rule: str, metrics: dict, step: int, meta: dict) -> None:
        if key not in metrics:
            raise UserError(f'save_best asks for the metric {key}, but validation gives {", ".join(metrics)}')
        score = metrics[key]
        bar, _ = self.best.get(key, (self.init_value_map[rule], None))
        if score is None or not self.is_better_than[key](score, bar):
            return
        self.best[key] = (float(score), step)
        runner.message_hub.update_info(self._score_name(key), score)
        name = self._best_name(key, step)
        self._set_best_path(
            key,
            self._write(
                runner, name, save_optimizer=False, save_param_scheduler=False, meta=dict(meta), by_epoch=False
            ),
        )
        runner.logger.info(f'The best checkpoint with {score:0.4f} {key} is saved to {name}.')
        if is_main_process():
            for older, path in self._files(f'best_{key}_'.replace('/', '_')):
                if older <= step and path.name != name and self._is_mine(path):
                    path.unlink()

    def _record_validation(self, runner, path: Path) -> None:
        """Write the present record and results into a checkpoint, and leave everything else in it as it is."""
        checkpoint = load_from_file(path, 'cpu')
        self._add_record(checkpoint)
        for hook in runner.hooks:
            if isinstance(hook, ResultsHook):
                hook.before_save_checkpoint(runner, checkpoint)
        with atomic_write(path) as partial:
            torch.save(checkpoint, partial)

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
        path = Path(self.out_dir) / self._best_name(key, step)
        if step is None:  # chosen by a run that kept no record
            step, path = max(self._files(f'best_{key}_'.replace('/', '_')), default=(0, path))
        name = key.removeprefix('coco/')
        return (path, name, self.metrics.get(step) or {name: score}) if path.is_file() else None

    # File names.

    def _score_name(self, key: str) -> str:
        return 'best_score' if len(self.key_indicators) == 1 else f'best_score_{key}'

    def _best_name(self, key: str, step: int | None) -> str:
        return f'best_{key}_{self.filename_tmpl.format(step)}'.replace('/', '_')

    def _set_best_path(self, key: str, path: str) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path

    def _files(self, prefix: str) -> list[tuple[int, Path]]:
        """Position and path of each checkpoint whose name begins with `prefix`."""
        number = re.sub(r'\\\{.*?\\\}', r'(\\d+)', re.escape(self.filename_tmpl))
        found = ((re.fullmatch(re.escape(prefix) + number, path.name), path) for path in Path(self.out_dir).glob('*'))
        return [(int(match[1]), path) for match, path in found if match and path.is_file()]

    def _is_mine(self, path: Path) -> bool:
        """Whether this run wrote a file; the files of a run that is not resumed are all from this process."""
        if path.name not in self._mine:
            try:
                self._mine[path.name] = self._resumed and _run_of(load_from_file(path, 'cpu')) == self._resumed_run
            except UserError:  # no checkpoint, or a damaged one
                self._mine[path.name] = False
        return self._mine[path.name]


def _run_of(checkpoint) -> str | None:
    """Id of the run that wrote a checkpoint, given its content; None in files of version 1."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    run = meta.get('run_id') if isinstance(meta, Mapping) else None
    return run if isinstance(run, str) else None


def _read_record(checkpoint: dict) -> dict:
    """Our record in a checkpoint. Anybody may have written the file: entries of a wrong type are left out."""
    record = checkpoint.get(_RECORD)
    record = record if isinstance(record, dict) else {}
    validated, best, metrics = (record.get(key) for key in ('validated', 'best', 'metrics'))
    return dict(
        validated=validated if _is_position(validated) else None,
        best={
            key: (float(value[0]), value[1])
            for key, value in (best if isinstance(best, dict) else {}).items()
            if isinstance(key, str)
            and key.isprintable()
            and len(key) < 100
            and isinstance(value, list)
            and len(value) == 2
            and isinstance(value[0], int | float)
            and not math.isnan(value[0])
            and _is_position(value[1])
        },
        metrics={
            position: {
                name: float(value)
                for name, value in found.items()
                if isinstance(name, str) and type(value) in (int, float) and math.isfinite(value)
            }
            for position, found in (metrics if isinstance(metrics, dict) else {}).items()
            if _is_position(position) and isinstance(found, dict)
        },
    )


def _is_position(value) -> bool:
    return type(value) is int and 0 <= value < 2**53
