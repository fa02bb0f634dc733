"""The runner of trainings and tests."""

from pathlib import Path
from time import time_ns
from typing import Any

from mmengine.dist import master_only
from mmengine.logging import MessageHub, MMLogger
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ..utils.config_files import CONFIG_COPY
from ..utils.garbage import paused_collector
from .config import dump_config
from .data_workers import LeaveSignals
from .lean_datasets import opening_leanly
from .log import continue_log, logging_prints
from .processes.sharding import is_sharded


class LeanRunner(Runner):
    """MMEngine's runner, which logs to its file only, leaves a readable config, and opens large data sets fast."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger, see :meth:`mmengine.runner.Runner.build_logger`, before it logs anything."""
        logger = super().build_logger(*args, **{'name': self._own_name(), **kwargs})
        continue_log(logger)
        return logger

    def build_message_hub(self, message_hub: dict[str, Any] | None = None) -> MessageHub:
        """Build the hub of logged numbers, see :meth:`mmengine.runner.Runner.build_message_hub`."""
        return super().build_message_hub(message_hub or dict(name=self._own_name()))

    def _own_name(self) -> str:
        """A name that no other run has: MMEngine's tell runs apart by the second, and it shares what has one name."""
        return f'{self.experiment_name}_{time_ns()}'

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load a checkpoint, see :meth:`mmengine.runner.Runner.load_checkpoint`."""
        with logging_prints():
            return super().load_checkpoint(*args, **kwargs)

    def _init_model_weights(self) -> None:
        if not is_sharded(self.model):  # those were drawn before
            super()._init_model_weights()

    @master_only
    def dump_config(self) -> None:
        """Write the config to the work directory, in a form that is read back as the same config."""
        dump_config(self.cfg, Path(self.work_dir) / CONFIG_COPY)

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build a data loader, without looking for garbage among the annotations meanwhile."""
        with paused_collector(), opening_leanly():
            loader = Runner.build_dataloader(*args, **kwargs)
        loader.worker_init_fn = LeaveSignals(loader.worker_init_fn)
        return loader
