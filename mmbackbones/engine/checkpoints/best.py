"""The best checkpoint of a run: by which metric, under which name, and what it replaces."""

import shutil
from logging import WARNING
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook

from ...errors import UserError
from ...evaluation.summary import tidy_metrics
from ...utils.atomic_write import atomic_write
from ...utils.messages import tell
from .files import CheckpointFiles


class BestCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, with a best checkpoint that does not depend on interruptions.

    Scores, and the metrics beside them, are kept by position: that of the run as the hook counts it.
    """

    files: CheckpointFiles  # set before training

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.best: dict[str, tuple[float, int | None]] = {}  # metric -> score and position
        self.metrics: dict[int, dict[str, float]] = {}  # position -> metrics, of the last validation and the best ones
        self.waited = 0  # validations in a row without a better figure, of the first metric of `save_best`

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
        path = self.files.best_path(key, step)
        if step is None:  # chosen by a run that kept no record
            step, path = max(self.files.best(key), default=(0, path))
        name = key.removeprefix('coco/')
        return (path, name, self.metrics.get(step) or {name: score}) if path.is_file() else None

    def write(self, runner, path: Path, passing: bool = False, **options) -> None:
        """Write a checkpoint; all processes have to call this."""
        raise NotImplementedError

    def keep_best(self, runner, metrics: dict) -> None:
        """Write a best checkpoint for each metric that is better than ever; all processes have to call this.

        Args:
            runner: The runner, just after a validation.
            metrics: What that found.
        """
        step = runner.epoch if self.by_epoch else runner.iter
        numbers = {key: value for key, value in tidy_metrics(metrics).items() if isinstance(value, float)}
        self.metrics = {**self.metrics, step: numbers}
        if self.save_best:
            if 'auto' in self.key_indicators:
                self._init_rule(self.rules, [next(iter(metrics))])
                if 'auto' in self.best:
                    self.best[self.key_indicators[0]] = self.best.pop('auto')
            for key, rule in zip(self.key_indicators, self.rules, strict=True):
                self._keep_best_of(runner, key, rule, metrics, step)
            is_better = self.best.get(self.key_indicators[0], (0.0, None))[1] == step
            self.waited = 0 if is_better else self.waited + 1
        kept = {step, *(best_step for _, best_step in self.best.values())}
        self.metrics = {position: found for position, found in self.metrics.items() if position in kept}

    def _keep_best_of(self, runner, key: str, rule: str, metrics: dict, step: int) -> None:
        if key not in metrics:
            raise UserError(f'save_best asks for the metric {key}, but validation gives {", ".join(metrics)}')
        score = metrics[key]
        bar, _ = self.best.get(key, (self.init_value_map[rule], None))
        if score is None or not self.is_better_than[key](score, bar):
            return
        self.best[key] = (float(score), step)
        runner.message_hub.update_info(self._score_name(key), score)
        path = self.files.best_path(key, step)
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        self.write(runner, path, save_optimizer=False, save_param_scheduler=False, meta=meta, by_epoch=False)
        self._set_best_path(key, str(path))
        runner.logger.info(f'The best checkpoint with {score:0.4f} {key} is saved to {path.name}.')
        if is_main_process():
            for older, other in self.files.best(key):
                if older <= step and other != path and self.files.is_mine(other):
                    other.unlink()

    def take_over_best(self, runner, theirs: Path, has_record: bool) -> None:
        """Take over the best checkpoints of the run that is resumed.

        Args:
            runner: The runner.
            theirs: Folder of the resumed checkpoint.
            has_record: Whether that checkpoint says which were the best.
        """
        if not self.save_best:
            self.best = {}
        for key, (_, step) in list(self.best.items()):
            path = self.files.best_path(key, step)
            there = theirs / path.name
            if is_main_process() and not path.exists() and there.exists():
                with atomic_write(path, make_folder=False) as partial:
                    shutil.copyfile(there, partial)
                self.files.wrote(path)
            if path.exists() or there.exists():
                self._set_best_path(key, str(path))
            else:
                del self.best[key]
                missing = f'{path} is missing: the best checkpoint will be chosen among those from here on'
                tell(missing, WARNING, runner.logger)
        if not self.best and not has_record:
            for key in self.key_indicators if self.save_best else ():
                score = runner.message_hub.runtime_info.get(self._score_name(key))
                if isinstance(score, int | float):
                    self.best[key] = (float(score), None)

    def _score_name(self, key: str) -> str:
        return 'best_score' if len(self.key_indicators) == 1 else f'best_score_{key}'

    def _set_best_path(self, key: str, path: str) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path
