"""``train --log``: a run's figures in TensorBoard, Weights & Biases or MLflow, through MMEngine's back ends."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from logging import WARNING, getLogger
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from mmengine.visualization.vis_backend import (
    BaseVisBackend,
    MLflowVisBackend,
    TensorboardVisBackend,
    WandbVisBackend,
    force_init_env,
)

from ..errors import UserError, summarize_error
from ..evaluation.results_table import RESULTS
from ..utils.messages import tell
from .results_hook import CURVES

# Name of the log -> the back end below; the name is also that of the library, and of our extra that installs it.
LOGS = {'tensorboard': 'TensorboardLog', 'wandb': 'WandbLog', 'mlflow': 'MLflowLog'}
_PROJECT = 'mmbackbones'
_ARTIFACTS = (RESULTS, CURVES, 'run.json')
_PARAMETERS = ('train_cfg', 'optim_wrapper', 'randomness')  # sections of the config that MLflow shows beside a run
_TAG = 'mmbackbones.run'  # of a run in MLflow: its id here
_LONGEST = 250  # characters of a name in MLflow
_open: list['_Log'] = []  # logs of the run that goes on


def check_log(log: str | None) -> None:
    """Raise UserError unless a run can be logged as is asked for.

    Args:
        log: One of :data:`LOGS`, or None.
    """
    if log is None:
        return
    if log not in LOGS:
        raise UserError(f'log must be {", ".join(LOGS)} or None, got {log!r}')
    _set_up_environment()
    try:
        import_module(log)
    except ImportError as error:
        raise UserError(f'--log {log} needs {log}: pip install "mmbackbones[{log}]"') from error


def log_run(cfg: Config, log: str | None, run: str, iteration: int) -> None:
    """Have a run logged.

    Args:
        cfg: The config that is run; changed in place.
        log: One of :data:`LOGS`, or None.
        run: Id of the run; a resumed run is logged as the same one.
        iteration: Where the run begins, or goes on.
    """
    if log is None:
        return
    backend = dict(type=LOGS[log], save_dir=str(Path(cfg.work_dir).absolute()), run=run, iteration=iteration)
    cfg.visualizer.vis_backends = [*(cfg.visualizer.get('vis_backends') or []), backend]
    logger = cfg.default_hooks.get('logger')
    if logger and logger.type == 'LoggerHook':
        logger.log_metric_by_epoch = False  # losses and metrics on one axis


@contextmanager
def ending_logs() -> Iterator[None]:
    """When a run fails or is stopped within the block, its logs end, too: the next run of this process has its own."""
    try:
        yield
    except BaseException:
        for log in list(_open):
            log.break_off()
        raise


def without_logs(cfg: Config) -> None:
    """Take out of a config what :func:`log_run` added: another run would be logged as this one."""
    backends = cfg.visualizer.get('vis_backends') or []
    cfg.visualizer.vis_backends = [backend for backend in backends if backend['type'] not in LOGS.values()]


def _set_up_environment() -> None:
    """Defaults of what only the environment can tell MLflow: to be quiet, to use plain files, and not to wait long."""
    os.environ.setdefault('MLFLOW_DISABLE_TELEMETRY', 'true')
    os.environ.setdefault('MLFLOW_ALLOW_FILE_STORE', 'true')
    os.environ.setdefault('MLFLOW_HTTP_REQUEST_MAX_RETRIES', '2')


class _Log(BaseVisBackend):
    """What the three have in common: names as in ``results.csv``, and training goes on if figures cannot be logged.

    A mistake before the first iteration is an error all the same.

    Args:
        save_dir: The work directory.
        run: Id of the run.
        iteration: Where the run begins, or goes on.
    """

    name: str

    def __init__(self, save_dir: str, run: str = '', iteration: int = 0, **kwargs: Any) -> None:
        super().__init__(save_dir, **kwargs)
        self.folder, self.run, self.iteration = Path(save_dir), run, iteration
        self.failed = False

    def start(self) -> None:
        """Begin to log, or go on."""
        raise NotImplementedError

    def log(self, numbers: dict[str, float], step: int) -> None:
        """Log numbers by name, at an iteration."""
        raise NotImplementedError

    def _init_env(self) -> None:
        try:
            self.start()
        except Exception as error:  # whatever these libraries raise: no network, no account, a full disk
            raise UserError(
                f'--log {self.name} cannot be started: {summarize_error(error)}; leave it out, and the figures are in '
                f'{RESULTS} only'
            ) from error
        _open.append(self)

    @force_init_env
    def add_scalars(self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **kwargs: Any) -> None:
        """Log the figures of some iterations, or of a validation."""
        trained = 'iter' in scalar_dict
        skipped = {'iter', 'step'} if trained else {'iter', 'step', 'time', 'data_time'}  # these are of training
        numbers = {
            key.removeprefix('coco/'): float(value)
            for key, value in scalar_dict.items()
            if key not in skipped and isinstance(value, int | float)
        }
        self._attempt(lambda: self.log(numbers, step))

    def close(self) -> None:
        """Finish the log of a run that is done."""
        self._end(done=True)

    def break_off(self) -> None:
        """Finish the log of a run that failed or was stopped."""
        self._end(done=False)

    def finish(self, done: bool = True) -> None:
        """Write what is left to write, and whether the run is done."""
        super().close()

    def _end(self, done: bool) -> None:
        if self not in _open:
            return
        _open.remove(self)
        if self.failed:
            with suppress(Exception):  # which has been told
                self.finish(done)
        else:
            self._attempt(lambda: self.finish(done))

    def _attempt(self, work: Callable[[], object]) -> None:
        if self.failed:
            return
        try:
            work()
        except Exception as error:
            self.failed = True
            tell(
                f'--log {self.name} stopped working, and training goes on: {summarize_error(error)}; {RESULTS} in the '
                'work directory has all figures',
                WARNING,
            )


@VISBACKENDS.register_module()
class TensorboardLog(_Log, TensorboardVisBackend):
    """Writes to ``tensorboard/<run>`` in the work directory."""

    name = 'tensorboard'

    def start(self) -> None:
        """Open the log; what a resumed run had logged after the checkpoint is hidden."""
        from torch.utils.tensorboard import SummaryWriter

        purge = self.iteration + 1 if self.iteration else None
        self._tensorboard = SummaryWriter(str(self.folder / 'tensorboard' / self.run), purge_step=purge)

    def log(self, numbers: dict[str, float], step: int) -> None:
        """Log numbers."""
        for name, value in numbers.items():
            self._tensorboard.add_scalar(name, value, step)
        self._tensorboard.flush()


@VISBACKENDS.register_module()
class WandbLog(_Log, WandbVisBackend):
    """Logs to the project of ``WANDB_PROJECT``, ``mmbackbones`` by default; without an account into ``wandb/``."""

    name = 'wandb'

    def start(self) -> None:
        """Open the log, of the same run if it is resumed; offline where nobody is logged in."""
        import wandb

        mode: Any = None if os.environ.get('WANDB_MODE') or _has_wandb_account() else 'offline'
        if mode:
            tell(
                'wandb: nobody is logged in here, so the run is logged to files; `wandb login` and '
                f'`wandb sync {self.folder / "wandb"}/offline-run-*-{self.run}` send them',
                WARNING,
            )
        self._wandb = wandb
        wandb.init(
            project=os.environ.get('WANDB_PROJECT') or _PROJECT,
            id=self.run,
            name=self.folder.name,
            dir=str(self.folder),
            mode=mode,
            resume=None if mode else 'allow',
            settings=wandb.Settings(console='off', silent=True),
        )
        wandb.define_metric('*', step_metric='iteration')

    @force_init_env
    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Record the config; unlike MMEngine's back end without the source files in the current folder."""
        self._attempt(lambda: self._wandb.config.update(config.to_dict(), allow_val_change=True))

    def log(self, numbers: dict[str, float], step: int) -> None:
        """Log numbers."""
        self._wandb.log({**numbers, 'iteration': step})

    def finish(self, done: bool = True) -> None:
        """Send what is left."""
        self._wandb.finish(exit_code=0 if done else 1)
        # Its service would drop what the same process logs next under the same id, as when a notebook resumes a run.
        self._wandb.teardown()


@VISBACKENDS.register_module()
class MLflowLog(_Log, MLflowVisBackend):
    """Logs to the server of ``MLFLOW_TRACKING_URI``; without one into ``mlruns/`` in the work directory."""

    name = 'mlflow'

    def start(self) -> None:
        """Open the log, of the same run if it is resumed."""
        _set_up_environment()
        import mlflow

        getLogger('mlflow').setLevel(WARNING)  # else it says that it makes an experiment
        server = os.environ.get('MLFLOW_TRACKING_URI')
        mlflow.set_tracking_uri(server or (self.folder / 'mlruns').as_uri())
        if not server:  # MLflow sets it, and the next run of this process would be logged into this one's folder
            os.environ.pop('MLFLOW_TRACKING_URI', None)
        experiment = mlflow.set_experiment(os.environ.get('MLFLOW_EXPERIMENT_NAME') or _PROJECT)
        client = mlflow.MlflowClient()
        tagged = f"tags.`{_TAG}` = '{self.run}'"
        earlier = client.search_runs([experiment.experiment_id], tagged, max_results=1)
        nested = mlflow.active_run() is not None  # a user's own
        if earlier:
            mlflow.start_run(run_id=earlier[0].info.run_id, nested=nested)
        else:
            mlflow.start_run(run_name=self.folder.name, tags={_TAG: self.run}, nested=nested)
        self._mlflow = mlflow

    @force_init_env
    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Record how the model is trained as parameters, and the config as a file."""
        parameters = self._flatten({key: config[key] for key in _PARAMETERS if key in config})
        self._attempt(lambda: self._mlflow.log_text(config.pretty_text, 'config.py'))
        with suppress(Exception):  # those of a resumed run may not change
            self._mlflow.log_params({_mlflow_name(key): value for key, value in parameters.items()})

    def log(self, numbers: dict[str, float], step: int) -> None:
        """Log numbers."""
        self._mlflow.log_metrics({_mlflow_name(name): value for name, value in numbers.items()}, step)

    def finish(self, done: bool = True) -> None:
        """Add the results as files, and end the run."""
        try:
            for path in (self.folder / name for name in _ARTIFACTS):
                if path.is_file():
                    self._mlflow.log_artifact(str(path))
        finally:
            self._mlflow.end_run('FINISHED' if done else 'FAILED')


def _mlflow_name(name: str) -> str:
    """A name that MLflow takes: class names may hold anything."""
    return re.sub(r'[^\w.\- ]', '_', name)[:_LONGEST]


def _has_wandb_account() -> bool:
    """Whether wandb will find an account without asking."""
    if os.environ.get('WANDB_API_KEY') or os.environ.get('WANDB_IDENTITY_TOKEN_FILE'):
        return True
    host = urlparse(os.environ.get('WANDB_BASE_URL') or 'https://api.wandb.ai').hostname
    try:
        return netrc(os.environ.get('NETRC')).authenticators(host or '') is not None
    except (OSError, NetrcParseError):
        return False
