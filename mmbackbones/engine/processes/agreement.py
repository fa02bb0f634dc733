"""What all processes of a run agree on at the end of each iteration."""

from collections.abc import Callable

import torch
from mmengine.dist import all_reduce, is_distributed
from torch import Tensor


class Agreement:
    """Small numbers of which the largest that any process gives counts, in all of them.

    One reduction in each iteration (:class:`~mmbackbones.engine.finite_loss.FiniteLossHook`) carries all of them. On
    several GPUs it is read one iteration later, or before a validation or a checkpoint, so that nothing waits for it. A
    single process always has its own numbers as they are now.
    """

    def __init__(self) -> None:
        self._given: dict[str, Callable[[], int]] = {}
        self._hear: dict[str, Callable[[], None]] = {}
        self._agreed: dict[str, int] = {}

    def ask(self, name: str, give: Callable[[], int], hear: Callable[[], None] | None = None) -> None:
        """Agree on one more number from now on; every process has to call this.

        Args:
            name: What it is called.
            give: This process's number, from 0 to 255.
            hear: What to do, in all of several processes at once, when another number than 0 is agreed on.
        """
        self._given[name] = give
        if hear:
            self._hear[name] = hear

    def reduce(self, first: Tensor) -> Tensor:
        """The largest of all processes' numbers, once the device is done with it; every process has to call this.

        Args:
            first: One more number, of type uint8 on the device of the process group.

        Shape:
            first: no dimensions; the result: ``first`` and the others, for :meth:`settle`.
        """
        if not is_distributed():
            return first.reshape(1)
        numbers = torch.stack([first, *(torch.full_like(first, give()) for give in self._given.values())])
        all_reduce(numbers, 'max')
        return numbers

    def settle(self, numbers: Tensor) -> None:
        """Take over what :meth:`reduce` gave."""
        self._agreed = dict(zip(self._given, numbers[1:].tolist(), strict=False))
        for name, number in self._agreed.items():
            if number and name in self._hear:
                self._hear[name]()

    def number(self, name: str) -> int:
        """The number that is agreed on; 0 before the first agreement."""
        return self._agreed.get(name, 0) if is_distributed() else self._given[name]()

    def done(self, name: str) -> None:
        """Forget a number, because all processes have done what it asked for."""
        self._agreed.pop(name, None)

    def agree_now(self, name: str) -> int:
        """Agree on one number outside training iterations, and wait for it; every process has to call this."""
        numbers = torch.tensor([self._given[name]()], dtype=torch.uint8)
        if is_distributed():
            all_reduce(numbers, 'max')
        self._agreed[name] = int(numbers)
        return self.number(name)
