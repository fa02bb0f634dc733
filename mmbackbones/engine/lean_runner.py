"""A runner for data sets with millions of objects."""

from typing import Any

from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ..utils.garbage import paused_collector


class LeanRunner(Runner):
    """MMEngine's runner, which does not look for garbage among the annotations while it opens a data set."""

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build a data loader, see :meth:`mmengine.runner.Runner.build_dataloader`."""
        with paused_collector():
            return Runner.build_dataloader(*args, **kwargs)
