"""The runner of trainings and tests."""

from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ..utils.config_files import CONFIG_COPY
from ..utils.garbage import paused_collector
from .config import dump_config


class LeanRunner(Runner):
    """MMEngine's runner, which leaves a readable copy of its config, and opens large data sets fast."""

    @master_only
    def dump_config(self) -> None:
        """Write the config to the work directory, in a form that is read back as the same config."""
        dump_config(self.cfg, Path(self.work_dir) / CONFIG_COPY)

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build a data loader, without looking for garbage among the annotations meanwhile."""
        with paused_collector():
            return Runner.build_dataloader(*args, **kwargs)
