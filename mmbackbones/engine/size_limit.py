"""A limit on the size of a network while it is built, for configs that a stranger may have written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from ..errors import UserError
from ..utils.host_memory import at_most

# How much more than what is in the file may be built on the way, because parts are replaced or shared.
_FACTOR = 4
_MORE_VALUES = 10_000_000
_MORE_MODULES = 1_000
_MORE_MEMORY = 2 << 30  # bytes


@contextmanager
def no_larger_than(weights: Mapping[str, Tensor], filename: str) -> Iterator[None]:
    """Let no network be built that is much larger than the weights that are meant for it.

    A short text can describe a network that takes hours and all memory to build.

    Args:
        weights: The weights in a checkpoint.
        filename: What to call it in the message.

    Raises:
        UserError: Within the block, as soon as a network is.
    """
    left = dict(
        values=_FACTOR * sum(value.numel() for value in weights.values()) + _MORE_VALUES,
        modules=_FACTOR * len(weights) + _MORE_MODULES,
    )

    def use(kind: str, amount: int) -> None:
        left[kind] -= amount
        if left[kind] < 0:
            raise UserError(
                f'the config in {filename} describes a network that is much larger than the {len(weights)} weights '
                'there: give the one that it was trained with as CONFIG'
            )

    def count_parameter(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        use('values', parameter.numel() if parameter is not None else 0)

    def count_module(module: nn.Module, name: str, part: nn.Module | None) -> None:
        use('modules', 1)

    hooks = (
        register_module_parameter_registration_hook(count_parameter),
        register_module_module_registration_hook(count_module),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def little_memory(weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Let building a network take little more memory than its weights; on Linux only, and for the whole process.

    What a network computes of its arguments, such as anchors and tables of positions, is seen by no other limit.

    Args:
        weights: The weights in a checkpoint.

    Raises:
        MemoryError: Within the block, or RuntimeError, as soon as there is no more.
    """
    values = sum(value.numel() * value.element_size() for value in weights.values())
    with at_most(_FACTOR * values + _MORE_MEMORY):
        yield
