"""What a pickle would build, as :mod:`~mmbackbones.weights.pickle_scan` counts it: kinds and sizes, no values."""

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Sequence

PLAIN = ('text', 'whole', 'plain')  # kinds whose hashes cannot be made equal
CONTAINERS = ('tuple', 'list', 'dict')
_MAX_WEIGHT = 1 << 62
_MAX_WHOLE = 1 << 60  # the hash of a whole number below it is the number
_NODE = 1  # bytes that any value counts for


class Node:
    """A value that the pickle would build.

    Attributes:
        kind: ``text``, ``whole``, ``plain`` (another number, None), ``large`` (a whole number whose hash is another
            one), ``tuple``, ``list``, ``dict``, ``global`` or ``object``.
        weight: Bytes and values in it, each counted as often as it can be reached.
        value: A whole number, a text, the items of a tuple, or the name of a global.
        odd: Number of values in it that are no plain keys of a dict.
    """

    __slots__ = 'kind', 'odd', 'value', 'weight'

    def __init__(self, kind: str, weight: int = _NODE, value: object = None, odd: int = 0) -> None:
        self.kind, self.weight, self.value, self.odd = kind, weight, value, odd

    def add(self, items: Sequence['Node']) -> None:
        """Put values into it."""
        weight, odd = self.weight, self.odd
        for item in items:
            weight += item.weight
            odd += item.odd + (item.kind not in PLAIN)
        self.weight, self.odd = min(weight, _MAX_WEIGHT), min(odd, _MAX_WEIGHT)


def tuple_of(items: Sequence[Node]) -> Node:
    """A tuple, which never changes."""
    node = Node('tuple', value=tuple(items))
    node.add(items)
    return node


def _global(arg: object) -> Node:
    """A function or class, under its name in Python 3, as PyTorch looks it up."""
    module, name = str(arg).split(' ', 1)
    if (module, name) in NAME_MAPPING:
        module, name = NAME_MAPPING[module, name]
    else:
        module = IMPORT_MAPPING.get(module, module)
    return Node('global', value=f'{module}.{name}')


def _text(arg: object) -> Node:
    return Node('text', len(str(arg)) + _NODE, arg)


def _whole(arg: object) -> Node:
    return Node('whole' if isinstance(arg, int) and abs(arg) < _MAX_WHOLE else 'large', value=arg)


def _plain(arg: object) -> Node:
    return Node('plain')


# Name of an opcode -> the value that it puts on the stack.
VALUES: dict[str, Callable[[object], Node]] = {
    **dict.fromkeys(('BININT', 'BININT1', 'BININT2', 'LONG1'), _whole),
    **dict.fromkeys(('BINUNICODE', 'SHORT_BINSTRING'), _text),
    **dict.fromkeys(('NONE', 'NEWTRUE', 'NEWFALSE', 'BINFLOAT'), _plain),
    'EMPTY_TUPLE': lambda arg: tuple_of(()),
    'EMPTY_LIST': lambda arg: Node('list'),
    'EMPTY_DICT': lambda arg: Node('dict'),
    'EMPTY_SET': lambda arg: Node('object'),
    'GLOBAL': _global,
}
# ... -> the number of values that become a tuple; None: those since the last mark.
TUPLES: dict[str, int | None] = {'TUPLE': None, 'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3}
