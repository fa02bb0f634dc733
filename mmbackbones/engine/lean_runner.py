"""MMEngine's runner, with a quiet screen, and for data sets with millions of objects."""

from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ..utils.garbage import paused_collector
from .log import continue_log, logging_prints


class LeanRunner(Runner):
    """MMEngine's runner, which logs to its file only, and looks for no garbage among the annotations of a data set."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger, see :meth:`mmengine.runner.Runner.build_logger`, before it logs anything."""
        logger = super().build_logger(*args, **kwargs)
        continue_log(logger)
        return logger

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load a checkpoint, see :meth:`mmengine.runner.Runner.load_checkpoint`."""
        with logging_prints():
            return super().load_checkpoint(*args, **kwargs)

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build a data loader, see :meth:`mmengine.runner.Runner.build_dataloader`."""
        with paused_collector():
            return Runner.build_dataloader(*args, **kwargs)
