"""Our operators in terms of ONNX's, for PyTorch's ONNX exporter."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.onnx import symbolic_helper

# What PyTorch's exporter calls the types of arguments.
_PARSED: dict[str, Any] = {
    'Tensor': 'v',
    'List[Tensor]': 'v',
    'float': 'f',
    'int': 'i',
    'List[float]': 'fs',
    'List[int]': 'is',
}


class Operators:
    """ONNX's operators as methods: inputs by position, attributes by name.

    Numbers, and lists of them, may stand among the inputs: they become constants, int64 or float32. `outputs` says how
    many results there are, if not one.
    """

    def __init__(self, graph: Any) -> None:
        self._graph = graph

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def operator(*inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
            typed = {f'{key}_{_letter(value)}': value for key, value in attributes.items()}
            return self._graph.op(name, *map(self._as_value, inputs), outputs=outputs, **typed)

        return operator

    def _as_value(self, x: Any) -> Any:
        if not isinstance(x, int | float | list):
            return x
        tensor = torch.tensor(x)
        return self._graph.op('Constant', value_t=tensor if tensor.is_floating_point() else tensor.long())


def _letter(value: Any) -> str:
    """How PyTorch's exporter marks the type of an attribute."""
    first = value[0] if isinstance(value, list) else value
    return 's' if isinstance(first, str) else 'f' if isinstance(first, float) else 'i'


@contextlib.contextmanager
def translated(translations: dict[Any, Callable]) -> Iterator[None]:
    """Let `torch.onnx.export` take operators of ours.

    Args:
        translations: By operator, for example ``torch.ops.mmbackbones.nms.default``, a function that builds it: it
            takes an :class:`Operators` and the operator's own arguments, and returns its results.
    """
    names = [operator.name().removesuffix('.default') for operator in translations]
    for name, (operator, build) in zip(names, translations.items(), strict=True):
        torch.onnx.register_custom_op_symbolic(name, _symbolic(operator, build), 9)
    try:
        yield
    finally:
        for name in names:
            torch.onnx.unregister_custom_op_symbolic(name, 9)


def _symbolic(operator: Any, build: Callable) -> Callable:
    types = [str(argument.type) for argument in operator._schema.arguments]

    def symbolic(graph: Any, *values: Any) -> Any:
        parsed = [symbolic_helper._parse_arg(value, _PARSED[t]) for t, value in zip(types, values, strict=True)]
        args = [list(x.node().inputs()) if t == 'List[Tensor]' else x for t, x in zip(types, parsed, strict=True)]
        return build(Operators(graph), *args)

    return symbolic
