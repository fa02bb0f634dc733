"""End of a training run whose loss or weights are no longer finite; such weights are not saved."""

from dataclasses import dataclass
from itertools import chain

import torch
from mmengine.config import Config
from mmengine.dist import all_gather_object
from mmengine.hooks import CheckpointHook, Hook
from mmengine.registry import HOOKS

from ..errors import RunFailed
from .agreement import Agreement
from .running_statistics import running_statistics


def set_on_nan(cfg: Config, reaction: str | tuple[str, int]) -> None:
    """Set what happens at a loss that is not finite: ``stop``, or ``('skip', N)``."""
    if reaction != 'stop':
        raise NotImplementedError


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
    """Ends a training run at the first loss that is not finite, in all processes.

    Gradients may be infinite: dynamic loss scaling causes that on purpose, and skips them. On a GPU the check of an
    iteration is read one iteration later, or before a validation or a checkpoint, so that nothing waits for it.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.pending: _Check | None = None
        self.agreement = Agreement()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.finish_check(runner)
        losses = {name: torch.as_tensor(value).detach() for name, value in outputs.items() if 'loss' in name}
        if not losses:
            return
        wrong = ~torch.stack([value.isfinite().all() for value in losses.values()]).all()
        numbers = self.agreement.reduce(wrong.to(torch.uint8))
        known = None
        if numbers.is_cuda:
            numbers, known = numbers.to('cpu', non_blocking=True), torch.cuda.Event()
            known.record()
        self.pending = _Check(_position(runner), losses, _files(data_batch), numbers, known)
        if known is None:
            self.finish_check(runner)

    def before_val_epoch(self, runner) -> None:
        self.finish_check(runner)

    def after_train(self, runner) -> None:
        self.finish_check(runner)

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
        losses = check.losses
        values = [f'{name} is {value.mean().item()}' for name, value in losses.items() if not value.isfinite().all()]
        gathered = all_gather_object((values, check.files if values else []))
        found = ', '.join(dict.fromkeys(chain(*(values for values, _ in gathered))))
        images = ', '.join(chain(*(files for _, files in gathered))) or 'not named by the data'
        rate = next(iter(runner.optim_wrapper.get_lr().values()))[0]
        raise _failure(
            f'the loss is no longer finite in {check.position}: {found}; images of the batch: {images}; '
            f'{last_good_checkpoint(runner)}; use a lower --lr (the rate was {rate:g}), and look at these images and '
            'their annotations'
        )


def finish_loss_check(runner) -> None:
    """Raise RunFailed, in all processes, if the last loss was not finite; for use before a checkpoint is written."""
    for hook in runner.hooks:
        if isinstance(hook, FiniteLossHook):
            hook.finish_check(runner)


def agreement_of(runner) -> Agreement:
    """What the processes of a run agree on in each iteration."""
    return next((hook.agreement for hook in runner.hooks if isinstance(hook, FiniteLossHook)), Agreement())


def check_weights(runner) -> None:
    """Raise RunFailed if a weight or a running statistic is not finite."""
    for name, value in chain(runner.model.named_parameters(), running_statistics(runner.model).items()):
        if not value.isfinite().all():
            raise _failure(
                f'{name.removeprefix("module.")} is no longer finite, and nothing is saved; '
                f'{last_good_checkpoint(runner)}; use a lower --lr'
            )


def _failure(message: str) -> RunFailed:
    """An error of all processes."""
    error = RunFailed(message)
    error.on_all_processes = True
    return error


def last_good_checkpoint(runner) -> str:
    """The checkpoint to go back to, in words."""
    written = [hook.last_ckpt for hook in runner.hooks if isinstance(hook, CheckpointHook) and hook.last_ckpt]
    if not written and runner._resume:
        written = [runner._load_from]
    return f'the last good checkpoint is {written[-1]}' if written else 'there is no checkpoint yet'


def _position(runner) -> str:
    iteration = f'iteration {runner.iter + 1}'
    return f'epoch {runner.epoch + 1}, {iteration}' if 'max_epochs' in runner.cfg.train_cfg else iteration


def _files(data_batch) -> list[str]:
    samples = data_batch.get('data_samples', ()) if isinstance(data_batch, dict) else ()
    return [str(path) for sample in samples if (path := getattr(sample, 'img_path', None))]
