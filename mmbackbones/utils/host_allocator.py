"""The memory allocator of the C library, told to keep what large tensors have used.

By default glibc asks the system for each block of 32 MiB or more, and gives it back when it is freed; smaller ones it
gives back from 64 MiB of free memory on. So each forward pass on a CPU gets its memory anew, page by page, each of
which the system first fills with zeros: for a 1x1 convolution that writes 32 MiB, five times the time of its
arithmetic. With :func:`keep_memory` freed memory is kept for the next tensor; :func:`settle` bounds how much.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from .host_memory import own_memory

# Numbers of glibc's malloc.h, and its own values, those of a threshold after it has adapted to large blocks.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1}
_DEFAULT = {_MMAP_MAX: 65536, _TRIM_THRESHOLD: 64 << 20}
# What a user may have set of the same.
_VARIABLES = ('MALLOC_MMAP_MAX_', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'MALLOC_TOP_PAD_')
_MOST = 1.25  # resident memory, relative to what the largest iterations need


class _Kept:
    """The state of this process.

    Attributes:
        uses: How many have asked for it and have not ended.
        for_good: Whether one of them does not end.
        most: Bytes of resident memory from which on free memory is given back.
        measures: Whether the resident memory will tell how much an iteration needs, because all free memory was given
            back before it.
    """

    uses = 0
    for_good = False
    most = 0.0
    measures = False


@contextmanager
def keeping_memory() -> Iterator[None]:
    """Within the block, do as :func:`keep_memory`; afterwards, give freed memory back."""
    kept = _keep()
    try:
        yield
    finally:
        _Kept.uses -= kept
        if kept and not _Kept.uses:
            _set(_DEFAULT)
            _give_back()


def keep_memory() -> None:
    """From now on, let freed memory stay with this process, for what it computes next.

    This has no effect without glibc (on macOS, Windows and Alpine Linux), or if the user has chosen otherwise, see
    :func:`kept_memory`. Processes that are forked, such as data workers, are as without it, and get none of the kept
    memory. Whoever computes in a loop calls :func:`settle` after each round.
    """
    if not _Kept.for_good:
        _Kept.for_good = True
        _keep()


def _keep() -> bool:
    if kept_memory() != 'yes':
        return False
    _Kept.uses += 1
    if _Kept.uses == 1:
        _follow_forks()
        _Kept.most, _Kept.measures = 0.0, False
        _set(_KEEP)
    return True


def settle() -> None:
    """Give free memory back if there is much more of it than the rounds of a loop need; called between two rounds.

    Blocks of many sizes leave holes that fit no later block: images of varying sizes would let the memory grow to
    several times what is needed. So it is all given back, as long as nobody uses it, when this process has a quarter
    more than the largest round after such a return had.
    """
    if not _Kept.uses:
        return
    resident = own_memory('VmRSS')
    if _Kept.measures:
        _Kept.most, _Kept.measures = max(_Kept.most, _MOST * resident), False
    elif resident > _Kept.most:
        _give_back()
        _Kept.measures = True


def kept_memory() -> str:
    """Whether our commands keep freed memory, in words: ``yes``, or ``no`` and why not."""
    if _glibc() is None:
        return 'no, the C library is not glibc'
    if 'malloc' in os.environ.get('LD_PRELOAD', ''):
        return 'no, LD_PRELOAD names another allocator'
    given = [name for name in _VARIABLES if name in os.environ]
    given += ['GLIBC_TUNABLES'] * ('glibc.malloc' in os.environ.get('GLIBC_TUNABLES', ''))
    return f'no, {given[0]} is set' if given else 'yes'


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        return library if all(map(library.__getattr__, ('gnu_get_libc_version', 'mallopt', 'malloc_trim'))) else None
    except (AttributeError, OSError, TypeError):  # another library, another system, Windows
        return None


def _set(values: dict[int, int]) -> None:
    if library := _glibc():
        for option, value in values.items():
            library.mallopt(option, value)


def _give_back() -> None:
    if library := _glibc():
        library.malloc_trim(0)


@cache
def _follow_forks() -> None:
    """Once: have no free memory shared with processes that are forked, which would copy it page by page."""

    def before() -> None:
        if _Kept.uses:
            _give_back()

    def in_child() -> None:
        if _Kept.uses:
            _Kept.uses, _Kept.for_good = 0, False
            _set(_DEFAULT)

    os.register_at_fork(before=before, after_in_child=in_child)
