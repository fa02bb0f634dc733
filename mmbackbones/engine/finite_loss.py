"""A training run whose loss is no longer finite: it ends, or goes on without some batches."""

from dataclasses import dataclass
from itertools import chain
from logging import WARNING

import torch
from mmengine.config import Config
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from ..errors import RunFailed, printable
from ..utils.messages import tell
from ..utils.text import counted
from .config_tree import add_hook
from .left_out import LeftOut
from .optimizer_guard import LOSS, OptimizerGuard
from .processes.agreement import Agreement
from .run_failure import last_good_checkpoint, position, run_failed
from .runner_facts import hook_of

_UNNAMED = 'not named by the data'
_PART = 'losses'  # of what a checkpoint says was left out


def set_on_nan(cfg: Config, reaction: str | tuple[str, int]) -> None:
    """Have a run watch its loss.

    Args:
        cfg: The config; changed in place.
        reaction: What happens at a loss that is not finite: ``stop``, it ends the run, or ``('skip', N)``, up to N
            batches with one are left out.
    """
    add_hook(cfg, 'FiniteLossHook', **({} if reaction == 'stop' else {'skip': reaction[1]}))


@dataclass(frozen=True)
class _Check:
    """The check of one iteration's losses.

    Attributes:
        position: Epoch and iteration, in words.
        losses: By name.
        files: Images of the batch.
        numbers: What all processes agree on, on the CPU; first, whether a loss of any of them is not finite.
        known: When `numbers` has arrived from the GPU; None if it has.
    """

    position: str
    losses: dict[str, torch.Tensor]
    files: list[str]
    numbers: torch.Tensor
    known: torch.cuda.Event | None


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Ends a training run at the first loss that is not finite, in all processes, or leaves some such batches out.

    Gradients may be infinite: dynamic loss scaling causes that on purpose, and skips them. On a GPU the check of an
    iteration is read one iteration later, or before a validation or a checkpoint, so that nothing waits for it. A run
    that leaves batches out waits for each loss, and looks at the gradients, too (:class:`OptimizerGuard`).

    Args:
        skip: How many batches are left out, until the next one ends the run.
    """

    priority = 'HIGHEST'  # before the losses of a batch that is left out are recorded anywhere

    def __init__(self, skip: int = 0) -> None:
        self.skip = skip
        self.pending: _Check | None = None
        self.agreement = Agreement()
        self.guard: OptimizerGuard | None = None
        self.left_out = LeftOut()

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume:
            self.left_out = LeftOut.from_checkpoint(checkpoint, _PART)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        self.left_out.to_checkpoint(checkpoint, _PART)

    def before_train(self, runner) -> None:
        if self.skip:
            self.guard = OptimizerGuard(runner.model, runner.optim_wrapper)

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if self.guard:
            self.guard.before_batch()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.finish_check(runner)
        losses = {name: torch.as_tensor(value).detach() for name, value in outputs.items() if 'loss' in name}
        wrong = torch.tensor(False)
        if self.guard and self.guard.left_out:
            self._leave_out(runner, self.guard.left_out, losses, _files(data_batch))
            outputs.clear()
        elif losses:
            wrong = ~torch.stack([value.isfinite().all() for value in losses.values()]).all()
        numbers = self.agreement.reduce(wrong.to(torch.uint8))
        known = None
        if numbers.is_cuda:
            numbers, known = numbers.to('cpu', non_blocking=True), torch.cuda.Event()
            known.record()
        self.pending = _Check(position(runner), losses, _files(data_batch), numbers, known)
        if known is None:
            self.finish_check(runner)

    def before_val_epoch(self, runner) -> None:
        self.finish_check(runner)

    def _leave_out(self, runner, what: str, losses: dict[str, torch.Tensor], files: list[str]) -> None:
        """Count and report a batch that was left out, in all processes; raise RunFailed if it is one too many."""
        found, names = _gather(losses, files, everyone=what != LOSS)
        if self.left_out.count >= self.skip:
            count = counted(self.left_out.count, 'batch was', 'batches were')
            before = f', after {count} left out (--on-nan skip {self.skip})'
            raise _no_longer_finite(runner, what, position(runner) + before, found, names)
        self.left_out.add(names)
        tell(
            f'left out the batch of {position(runner)}, because {_are(what)} not finite'
            f'{f" ({found})" if found else ""}; images of the batch: {_listed(names)} '
            f'({self.left_out.count} of at most {self.skip} such batches)',
            WARNING,
        )

    def after_train(self, runner) -> None:
        self.finish_check(runner)
        if self.left_out.count:
            tell(
                f'{counted(self.left_out.count, "batch was", "batches were")} left out, because the loss or the '
                f'gradients were not finite; their images: {self.left_out.listed() or _UNNAMED}',
                WARNING,
            )

    def finish_check(self, runner) -> None:
        """Raise RunFailed, in all processes, if the last loss was not finite; every process has to call this."""
        check, self.pending = self.pending, None
        if check is None:
            return
        if check.known is not None:
            check.known.synchronize()
        self.agreement.settle(check.numbers)
        if not check.numbers[0]:
            return
        found, files = _gather(check.losses, check.files)
        raise _no_longer_finite(runner, LOSS, check.position, found, files)


def finish_loss_check(runner) -> None:
    """Raise RunFailed, in all processes, if the last loss was not finite; for use before a checkpoint is written."""
    if (hook := hook_of(runner, FiniteLossHook)) is not None:
        hook.finish_check(runner)


def agreement_of(runner) -> Agreement:
    """What the processes of a run agree on in each iteration."""
    hook = hook_of(runner, FiniteLossHook)
    return Agreement() if hook is None else hook.agreement


def _gather(losses: dict[str, torch.Tensor], files: list[str], everyone: bool = False) -> tuple[str, list[str]]:
    """The losses that are not finite, in words, and the images of their batches or of everyone's; of all processes."""
    values = [f'{name} is {value.mean().item()}' for name, value in losses.items() if not value.isfinite().all()]
    gathered = all_gather_object((values, files if values or everyone else []))
    found = ', '.join(dict.fromkeys(chain(*(values for values, _ in gathered))))
    return found, list(chain(*(files for _, files in gathered)))


def _no_longer_finite(runner, what: str, place: str, found: str, files: list[str]) -> RunFailed:
    rate = next(iter(runner.optim_wrapper.get_lr().values()))[0]
    return run_failed(
        f'{_are(what)} no longer finite in {place}{f": {found}" if found else ""}; images of the batch: '
        f'{_listed(files)}; {last_good_checkpoint(runner)}; use a lower --lr (the rate was {rate:g}), and look at '
        'these images and their annotations'
    )


def _are(what: str) -> str:
    return f'{what} {"is" if what == LOSS else "are"}'


def _listed(files: list[str]) -> str:
    return ', '.join(files) or _UNNAMED


def _files(data_batch) -> list[str]:
    samples = data_batch.get('data_samples', ()) if isinstance(data_batch, dict) else ()
    return [printable(str(path)) for sample in samples if (path := getattr(sample, 'img_path', None))]
