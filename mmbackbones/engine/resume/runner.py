"""A runner that resumes from a checkpoint that was read before it was built."""

from mmengine.runner.checkpoint import _load_checkpoint_to_model

from ..lean_runner import LeanRunner
from ..runner_facts import network_of
from .run_state import RunState


class ResumingRunner(LeanRunner):
    """MMEngine's runner, which does not read a checkpoint a second time.

    Attributes:
        resumed: State of the run to resume; None to read whatever is loaded from its file.
    """

    resumed: RunState | None = None

    def load_checkpoint(
        self, filename: str, map_location='cpu', strict: bool = False, revise_keys=((r'^module\.', ''),)
    ) -> dict:
        """Load a checkpoint into the model; the one to resume from as it was read, all others from their files."""
        checkpoint = self.resumed.take_checkpoint() if self.resumed and filename == self.resumed.path else None
        if checkpoint is None:
            return super().load_checkpoint(filename, map_location, strict, revise_keys)
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        model = network_of(self)
        _load_checkpoint_to_model(model, checkpoint, strict, revise_keys=revise_keys)
        self._has_loaded = True
        self.logger.info(f'Load checkpoint from {filename}')
        return checkpoint
