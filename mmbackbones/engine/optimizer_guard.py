"""Batches whose loss or gradients are not finite, kept from the weights and from everything else that is learned."""

from typing import Any

import torch
from mmengine.dist import all_reduce, is_distributed
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

LOSS, GRADIENTS = 'the loss', 'the gradients'


class OptimizerGuard:
    """Stands between a model and its optimizer, and leaves out what is not finite, in all processes alike.

    A batch that is left out counts as one of its accumulation that has no gradient: what other batches gave stays, and
    without any there is no optimizer step. Running statistics are put back. The gradients of mixed precision are not
    looked at: dynamic loss scaling makes infinite ones on purpose, and skips them itself.

    The decision of a batch is made before its backward pass, so each process waits for its loss.

    Args:
        model: The model, with its wrapper for several processes.
        wrapper: MMEngine's wrapper of its optimizer, which is guarded from here on.

    Attributes:
        left_out: What was not finite in the last batch: :data:`LOSS` or :data:`GRADIENTS`; None: it was learned from.
    """

    def __init__(self, model: nn.Module, wrapper: OptimWrapper) -> None:
        self.model, self.wrapper = model, wrapper
        self.left_out: str | None = None
        self._buffers: dict[str, Tensor] = {}
        self._scales_losses = type(wrapper).backward is not OptimWrapper.backward
        self._backward, self._step = wrapper.backward, wrapper.step
        wrapper.backward, wrapper.step = self.backward, self.step

    def before_batch(self) -> None:
        """Remember what the forward pass of a batch changes."""
        self.left_out = None
        for name, buffer in self.model.named_buffers():
            kept = self._buffers.get(name)
            if kept is not None and kept.shape == buffer.shape and kept.device == buffer.device:
                kept.copy_(buffer)
            else:
                self._buffers[name] = buffer.detach().clone()

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """In place of ``OptimWrapper.backward``: without what is not finite."""
        if _in_any_process(~loss.detach().isfinite().all()):
            self.wrapper._inner_count += 1
            self._leave_out(LOSS)
        elif self._scales_losses:
            self._backward(loss, **kwargs)
        else:
            waiting = [None if param.grad is None else param.grad.clone() for param in self._parameters()]
            self._backward(loss, **kwargs)
            if _in_any_process(~_are_finite([param.grad for param in self._parameters() if param.grad is not None])):
                for param, gradient in zip(self._parameters(), waiting, strict=True):
                    param.grad = gradient
                self._leave_out(GRADIENTS)

    def step(self, **kwargs: Any) -> None:
        """In place of ``OptimWrapper.step``: with what the batches gave that were not left out, if there were any."""
        if self.left_out and is_distributed():
            self._share_gradients()
        if any(param.grad is not None for param in self._parameters()):
            self._step(**kwargs)

    def _leave_out(self, what: str) -> None:
        self.left_out = what
        with torch.no_grad():
            for name, buffer in self.model.named_buffers():
                kept = self._buffers.get(name)
                if kept is not None and kept.shape == buffer.shape:
                    buffer.copy_(kept)

    def _share_gradients(self) -> None:
        """Average gradients over all processes, which the backward pass that was left out would have done."""
        params = self._parameters()
        present = torch.tensor([param.grad is not None for param in params], dtype=torch.uint8)
        all_reduce(present, 'max')
        for param in (param for param, there in zip(params, present.tolist(), strict=True) if there):
            if param.grad is None:
                param.grad = torch.zeros_like(param)
            all_reduce(param.grad, 'mean')

    def _parameters(self) -> list[nn.Parameter]:
        return [param for param in self.model.parameters() if param.requires_grad]


def _in_any_process(wrong: Tensor) -> bool:
    wrong = wrong.to(torch.uint8)
    if is_distributed():
        all_reduce(wrong, 'max')
    return bool(wrong)


def _are_finite(gradients: list[Tensor]) -> Tensor:
    """Whether all gradients are finite, and so small that their squares are, too: optimizers keep these."""
    norms = torch._foreach_norm(gradients) if gradients else [torch.zeros(())]
    return torch.stack(list(norms)).square().isfinite().all()
