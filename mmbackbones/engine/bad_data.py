"""Images that can no longer be read during training: the run ends, or others take their place."""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import WARNING

from mmengine.config import Config
from mmengine.dist import all_gather_object, is_distributed
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..errors import RunFailed, summarize_error
from ..utils.messages import tell
from ..utils.text import counted
from .config_tree import add_hook
from .finite_loss import agreement_of
from .left_out import LeftOut
from .run_failure import last_good_checkpoint, position, run_failed
from .watched_files import UnreadableFile, watch_files

_NAME = 'bad data'  # of what the processes agree on, and of what a checkpoint says was left out
_TOLD = 20  # files that are told of when they come up; the log has all


def set_on_bad_data(cfg: Config, reaction: str, checked: bool) -> None:
    """Have a run watch the files of its data.

    Args:
        cfg: The config; changed in place.
        reaction: What an image or label map does that can no longer be read: ``stop``, it ends the run, or ``skip``,
            another image takes its place.
        checked: Whether the data has been checked, so that any difference from what was found is an error.
    """
    add_hook(cfg, 'BadDataHook', skip=reaction == 'skip', checked=checked)


@HOOKS.register_module()
class BadDataHook(Hook):
    """Ends a training run, in all processes, when an image can no longer be read, or counts which were replaced.

    The data loader of the training loop always puts another image in the place of such a one. So with several
    processes, the others learn of it together with what they agree on in each iteration; the weights of an iteration
    that had to do without an image are never saved.

    Args:
        skip: Whether the run goes on.
        checked: See :func:`~mmbackbones.engine.watched_files.watch_files`.
    """

    priority = 'HIGHEST'

    def __init__(self, skip: bool = False, checked: bool = False) -> None:
        self.skip, self.checked = skip, checked
        self.problems: list[str] = []  # of this process, that the others do not know yet
        self.place = ''  # the iteration of the last of them, in words
        self.left_out = LeftOut()

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume:
            self.left_out = LeftOut.from_checkpoint(checkpoint, _NAME)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        self.left_out.to_checkpoint(checkpoint, _NAME)

    def before_train(self, runner) -> None:
        watch_files(runner.train_dataloader.dataset, self.checked)
        if runner.val_loop is not None:
            watch_files(runner.val_dataloader.dataset, self.checked)
        agreement_of(runner).ask(_NAME, lambda: bool(self.problems), lambda: self._report(runner))

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        problems = getattr(runner.train_loop, 'problems', ())  # a loop of the user's has none, and stops at the first
        if problems:
            self.problems += problems
            self.place = position(runner)
            if not is_distributed():
                self._report(runner)

    def after_train(self, runner) -> None:
        if self.left_out.count:
            tell(
                f'{counted(self.left_out.count, "time")} another image took the place of one that could not be read: '
                f'{self.left_out.listed()}',
                WARNING,
            )

    def _report(self, runner) -> None:
        """Count the problems of all processes and tell of them, or raise RunFailed in all."""
        gathered = [(text, place) for texts, place in all_gather_object((self.problems, self.place)) for text in texts]
        self.problems = []
        places = dict(reversed(gathered))
        if places and not self.skip:
            text, place = gathered[0]
            raise run_failed(
                f'{place} cannot be trained on: {text}; {last_good_checkpoint(runner)}; put the file '
                'back as it was and continue with --resume (with --on-bad-data skip a run goes on without such files)'
            )
        for text in self.left_out.add([text for text, _ in gathered], len(gathered)):
            said = f'{text}; other images take its place, from {places[text]} on'
            if len(self.left_out.files) <= _TOLD:
                tell(said, WARNING)
            else:
                runner.logger.warning(said)


@contextmanager
def stopping_at_unreadable_files(runner: Runner) -> Iterator[None]:
    """Within the block, in which a runner trains, the end for a file that nothing can take the place of.

    Raises:
        RunFailed: A validation cannot read one, or too many images of the training data cannot be read.
    """
    try:
        yield
    except UnreadableFile as error:
        said = summarize_error(error).removeprefix(f'{UnreadableFile.__module__}.{UnreadableFile.__name__}: ')
        place = 'the validation' if runner.message_hub.get_info('loop_stage') == 'val' else position(runner)
        raise RunFailed(
            f'{place} cannot go on: {said}; {last_good_checkpoint(runner)}; put the file back as it was and '
            'continue with --resume'
        ) from error
