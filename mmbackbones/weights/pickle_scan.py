"""A look at the pickle in a checkpoint before PyTorch reads it: what it would build is counted, and nothing is built.

PyTorch's safe unpickler runs no code of a file, but believes its sizes: a call such as ``bytearray(10**11)`` or
``set(...)`` of the same list a million times, a storage that is larger than what the file has for it, or a key whose
hash takes years, cost the one who writes it a few bytes.
"""

import pickletools
import re
from collections.abc import Callable, Mapping, Sequence
from pickle import UnpicklingError
from typing import Any, BinaryIO

import torch

from .pickle_nodes import CONTAINERS, PLAIN, TUPLES, VALUES, Node, tuple_of

_COPIES = 16  # how many times as large as the pickle all that its calls copy may be; what was saved needs 4
_MORE_BYTES = 1 << 20
_MAX_ODD_KEYS = 20_000  # of dicts and sets that are neither text nor whole numbers: their hashes can be made equal
MAX_SIDES = 64  # of a tensor
_MAX_KEY = 1_000  # values in a key that is a tuple
_DTYPE = re.compile(r'[<>=|]?[A-Za-z?]\d{0,6}')
_CALL = 16  # bytes that each call counts for


def _texts(args: Sequence[Node]) -> bool:
    return all(node.kind == 'text' or node.value == _ENCODE for node in args)


def _all_plain(args: Sequence[Node]) -> bool:
    return all(node.kind in PLAIN for node in args)


def _one_container(args: Sequence[Node]) -> bool:
    return not args or (len(args) == 1 and args[0].kind in CONTAINERS)


def _nothing(args: Sequence[Node]) -> bool:
    return not args


def _never(args: Sequence[Node]) -> bool:
    return False


def _array(args: Sequence[Node]) -> bool:
    shape = args[1].value if len(args) == 3 else None
    return isinstance(shape, tuple) and [size.value for size in shape] == [0]


def _dtype(args: Sequence[Node]) -> bool:
    name = args[0].value if args and _all_plain(args) else None
    return isinstance(name, str) and bool(_DTYPE.fullmatch(name))


# Calls that could take far more than what they are given, and what they are given in files that were saved.
_CALLS: dict[str, Callable[[Sequence[Node]], bool]] = {
    'builtins.bytearray': _texts,
    'builtins.complex': _all_plain,
    'builtins.set': _one_container,
    'collections.Counter': _one_container,
    'collections.OrderedDict': _one_container,
    'numpy._core.multiarray._reconstruct': _array,
    'numpy.core.multiarray._reconstruct': _array,
    'numpy.dtype': _dtype,
    'numpy.ndarray': _nothing,
    'torch.Size': _one_container,
    'torch._utils._rebuild_device_tensor_from_cpu_tensor': _never,
    'torch._utils._rebuild_device_tensor_from_numpy': _never,
}
_HASHING = ('builtins.set', 'collections.Counter', 'collections.OrderedDict')
_TENSORS = ('torch._utils._rebuild_tensor_v2', 'torch._utils._rebuild_parameter', 'torch._utils._rebuild_tensor_v3')
_CALLER = 'torch._tensor._rebuild_from_type_v2'  # calls what it is given
_ENCODE = '_codecs.encode'  # makes bytes of a text
_EMPTY = re.compile(r'torch\.(\w+\.)*\w*(Tensor|Storage)|numpy\.dtypes\..*')  # called without arguments, if at all


def scan_pickle(stream: BinaryIO, records: Mapping[str, int] | None = None, most: int = 0) -> None:
    """Check one pickle, up to its end.

    Args:
        stream: Where it begins.
        records: Name of each storage in the file -> its size in bytes; None if they follow the pickle.
        most: Bytes that all storages may have together, where they follow the pickle.

    Raises:
        UnpicklingError: It would take far more memory or time to read than its size warrants, or is no pickle of
            ``torch.save``.
    """
    try:
        _Scan(stream, records, most).run()
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnpicklingError('it is damaged or incomplete') from error


class _Scan:
    def __init__(self, stream: BinaryIO, records: Mapping[str, int] | None, most: int) -> None:
        self.stream, self.records, self.most = stream, records, most
        self.stack: list[Node] = []
        self.below: list[list[Node]] = []
        self.memo: dict[int, Node] = {}
        self.storages: set[object] = set()
        self.copied, self.odd_keys, self.read = 0, 0, 0

    def run(self) -> None:
        start: int | None = None
        for opcode, arg, position in pickletools.genops(self.stream):
            start = position if start is None else start
            self.read = (position or 0) - (start or 0)
            self.step(opcode.name, arg)

    def step(self, name: str, arg: object) -> None:
        stack = self.stack
        if name in VALUES:
            stack.append(VALUES[name](arg))
        elif name in ('BINPUT', 'LONG_BINPUT'):
            self.memo[int(str(arg))] = stack[-1]
        elif name in ('BINGET', 'LONG_BINGET'):
            stack.append(self.memo[int(str(arg))])
        elif name == 'MARK':
            self.below.append(stack)
            self.stack = []
        elif name in TUPLES:
            items = self.pop(TUPLES[name])
            self.stack.append(tuple_of(items))
        elif name in ('APPEND', 'APPENDS'):
            items = self.pop(1 if name == 'APPEND' else None)
            self.top('list').add(items)
        elif name in ('SETITEM', 'SETITEMS'):
            items = self.pop(2 if name == 'SETITEM' else None)
            for key in items[::2]:
                self.check_key(key)
            self.top('dict').add(items)
        elif name in ('REDUCE', 'NEWOBJ'):
            function, args = self.pop(2)
            stack.append(self.call(function, args))
        elif name == 'BUILD':
            target, state = self.pop(2)
            self.copy(self.weigh(state) + _CALL)
            self.check_state(target, state)
            _check_place(state)
            target.add([state])
            stack.append(target)
        elif name == 'BINPERSID':
            stack.append(self.storage(self.pop(1)[0]))
        elif name not in ('PROTO', 'STOP'):
            raise UnpicklingError(f'it is written with {name}, which torch.save does not use')

    def pop(self, count: int | None) -> list[Node]:
        """The last values on the stack; None: those since the last mark."""
        if count is None:
            items, self.stack = self.stack, self.below.pop()
            return items
        if len(self.stack) < count:
            raise IndexError
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def top(self, kind: str) -> Node:
        node = self.stack[-1]
        if node.kind != kind:
            raise UnpicklingError(f'it adds values to what is no {kind}')
        return node

    def weigh(self, node: Node, levels: int = 3) -> int:
        """The weight of a value as it is now: a list in a tuple may have grown since."""
        if isinstance(node.value, tuple) and levels:
            return max(node.weight, sum(self.weigh(item, levels - 1) for item in node.value))
        return node.weight

    def copy(self, weight: int) -> None:
        self.copied += weight
        if self.copied > _COPIES * self.read + _MORE_BYTES:
            raise UnpicklingError('it would grow far beyond its size')

    def check_key(self, key: Node) -> None:
        if key.kind in PLAIN:
            return
        self.odd_keys += 1
        if key.weight > _MAX_KEY or self.odd_keys > _MAX_ODD_KEYS:
            raise UnpicklingError('it has keys that are no text')

    def call(self, function: Node, args: Node) -> Node:
        if not isinstance(args.value, tuple) or args.kind != 'tuple':
            raise UnpicklingError('it calls something without arguments')
        name = function.value if isinstance(function.value, str) and function.kind == 'global' else ''
        is_tensor = name in _TENSORS and all(arg.kind != 'list' for arg in args.value)  # its tuples cannot grow
        for arg in args.value if name in _TENSORS else ():
            if isinstance(arg.value, tuple) and len(arg.value) > MAX_SIDES:
                raise UnpicklingError(f'it has a tensor of {len(arg.value)} sides, more than PyTorch computes with')
        self.copy((args.weight if is_tensor else self.weigh(args)) + _CALL)
        allowed = _CALLS.get(name) or (_nothing if _EMPTY.fullmatch(name) else None)
        if allowed and not allowed(args.value):
            raise UnpicklingError(f'it calls {name} as no file that was saved does')
        if name == _CALLER:
            inner, _, inner_args, _ = args.value
            self.call(inner, inner_args)
        _check_place(args)
        if name in _HASHING:
            self.odd_keys += args.odd
            if self.odd_keys > _MAX_ODD_KEYS:
                raise UnpicklingError('it has keys that are no text')
        kind = 'dict' if name in ('collections.Counter', 'collections.OrderedDict') else 'object'
        return Node(kind, args.weight + _CALL, name, args.odd)

    def check_state(self, target: Node, state: Node) -> None:
        """A dtype must stay one of single numbers or texts: it could also become a table of any size."""
        if str(target.value).startswith('numpy.dtype'):
            items = state.value if isinstance(state.value, tuple) else ()
            if not items or not _all_plain(items) or any(item.kind != 'plain' for item in items[2:5]):
                raise UnpicklingError('it has a dtype of several values')

    def storage(self, name: Node) -> Node:
        """The memory of a tensor: not larger than what the file has for it."""
        items = name.value
        if not isinstance(items, tuple) or len(items) < 5:
            raise UnpicklingError('it names a storage as torch.save does not')
        kind, key, count = (items[place].value for place in (1, 2, 4))
        if not isinstance(kind, str) or not isinstance(count, int) or count < 0:
            raise UnpicklingError('it names a storage as torch.save does not')
        size = count * _item_size(kind)
        if key not in self.storages:
            self.storages.add(key)
            self.most -= size
            if self.records is None and self.most < 0:
                raise UnpicklingError('its storages are larger than the file')
            if self.records is not None and self.records.get(str(key)) != size:
                raise UnpicklingError(f'its storage {str(key)[:20]!a} has another size than the file says')
        return Node('storage', value=count)


def _check_place(args: Node) -> None:
    """A tensor must lie within its storage: that of an old file would grow to the size of the tensor."""
    items = args.value if isinstance(args.value, tuple) else ()
    if len(items) < 4 or items[0].kind != 'storage':
        return
    room, offset, sizes, strides = (item.value for item in items[:4])
    if not isinstance(sizes, tuple) or not isinstance(strides, tuple):
        raise UnpicklingError('it has a tensor without a size')
    if all(size.value != 0 for size in sizes):
        sides = zip(sizes, strides, strict=True)
        offset += 1 + sum((size.value - 1) * stride.value for size, stride in sides)
    if offset > room:
        raise UnpicklingError('it has a tensor that is larger than its storage')


def _item_size(name: str) -> int:
    kind = name.rpartition('.')[2]
    storage: Any = torch.serialization.StorageType
    return 1 if kind == 'UntypedStorage' else int(storage(kind).dtype.itemsize)
