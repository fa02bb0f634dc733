"""A training whose loss or weights are no longer finite is over: it ends, and nothing of it is saved."""

from itertools import chain

import torch
from mmengine.dist import all_gather_object, all_reduce, is_distributed
from mmengine.hooks import CheckpointHook, Hook
from mmengine.registry import HOOKS

from ..errors import RunFailed
from .running_statistics import running_statistics


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Ends the training at the first loss that is not finite, in all processes.

    Not finite gradients are left alone: dynamic loss scaling makes some on purpose, and skips them. On a GPU the
    answer is waited for one iteration later, when it has come, or before a validation or a checkpoint.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.waiting = None  # what is to be said, whether it has to be (a tensor), and when that is known

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.settle(runner)
        losses = {name: torch.as_tensor(value).detach() for name, value in outputs.items() if 'loss' in name}
        if not losses:
            return
        wrong = ~torch.stack([value.isfinite().all() for value in losses.values()]).all()
        wrong = wrong.to(torch.uint8)
        if is_distributed():
            all_reduce(wrong, 'max')
        known = None
        if wrong.is_cuda:
            wrong, known = wrong.to('cpu', non_blocking=True), torch.cuda.Event()
            known.record()
        self.waiting = _where(runner), losses, _files(data_batch), wrong, known
        if known is None:
            self.settle(runner)

    def before_val_epoch(self, runner) -> None:
        self.settle(runner)

    def after_train(self, runner) -> None:
        self.settle(runner)

    def settle(self, runner) -> None:
        """Raise RunFailed, in all processes, if the last loss was not finite; they all have to call this."""
        if self.waiting is None:
            return
        where, losses, files, wrong, known = self.waiting
        self.waiting = None
        if known is not None:
            known.synchronize()
        if not wrong:
            return
        values = [f'{name} is {value.mean().item()}' for name, value in losses.items() if not value.isfinite().all()]
        values, files = zip(*all_gather_object((values, files if values else [])), strict=True)
        seen = ', '.join(dict.fromkeys(chain(*values)))
        batch = ', '.join(chain(*files)) or 'not named by the data'
        rate = next(iter(runner.optim_wrapper.get_lr().values()))[0]
        raise failed(
            f'the loss is no longer finite in {where}: {seen}; images of the batch: '
            f'{batch}; {last_good(runner)}; use a lower --lr (the rate was {rate:g}), and look '
            'at these images and their annotations'
        )


def settle_loss(runner) -> None:
    """Raise RunFailed, in all processes, if the last loss was not finite."""
    for hook in runner.hooks:
        if isinstance(hook, FiniteLossHook):
            hook.settle(runner)


def check_weights(runner) -> None:
    """Raise RunFailed if a weight or a running statistic is not finite."""
    for name, value in chain(runner.model.named_parameters(), running_statistics(runner.model).items()):
        if not value.isfinite().all():
            raise failed(
                f'{name.removeprefix("module.")} is no longer finite, and nothing is '
                f'saved; {last_good(runner)}; use a lower --lr'
            )


def failed(message: str) -> RunFailed:
    """An error that all processes have."""
    error = RunFailed(message)
    error.on_all_processes = True
    return error


def last_good(runner) -> str:
    """Which checkpoint to go back to, in words."""
    written = [hook.last_ckpt for hook in runner.hooks if isinstance(hook, CheckpointHook) and hook.last_ckpt]
    if not written and runner._resume:
        written = [runner._load_from]
    return f'the last good checkpoint is {written[-1]}' if written else 'there is no checkpoint yet'


def _where(runner) -> str:
    iteration = f'iteration {runner.iter + 1}'
    return f'epoch {runner.epoch + 1}, {iteration}' if 'max_epochs' in runner.cfg.train_cfg else iteration


def _files(data_batch) -> list[str]:
    samples = data_batch.get('data_samples', ()) if isinstance(data_batch, dict) else ()
    return [str(path) for sample in samples if (path := getattr(sample, 'img_path', None))]
