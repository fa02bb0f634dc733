"""Hook: a test computes with the inference form of the model."""

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from .inference_form import fuse_in_place
from .runner_facts import network_of


@HOOKS.register_module()
class FuseHook(Hook):
    """Fuses the model once its weights are loaded, before it is tested."""

    def before_test(self, runner: Runner) -> None:
        """Fuse it, within the model of test-time augmentation, too."""
        fuse_in_place(network_of(runner))
