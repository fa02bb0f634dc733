"""How much main memory there is: of the machine, of the control group that confines this process, and of its limits."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_STATUS = Path('/proc/self/status')
_MEMINFO, _GROUPS, _OWN_GROUPS = Path('/proc/meminfo'), Path('/sys/fs/cgroup'), Path('/proc/self/cgroup')
# Files with the limit, the use, and the part of the use that is given back on demand, of the two versions of cgroups.
_VERSION_2 = ('memory.max', 'memory.current', 'inactive_file')
_VERSION_1 = ('memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file')


def available_memory() -> int | None:
    """Bytes that can be used before anything is killed or swapped; None where that is not known (only Linux says)."""
    known = [*_available_in_groups(), *_available_in_limits()]
    for line in _lines(_MEMINFO):
        if line.startswith('MemAvailable:'):
            known.append(1024 * int(line.split()[1]))
    return max(0, min(known)) if known else None


def own_memory(name: str) -> int:
    """A number of bytes that Linux counts for this process, such as ``VmRSS``; 0 elsewhere."""
    match = re.search(rf'^{name}:\s+(\d+) kB', '\n'.join(_lines(_STATUS)), re.MULTILINE)
    return 1024 * int(match[1]) if match else 0


@contextmanager
def at_most(more: int) -> Iterator[None]:
    """Within the block, let this process have only so many bytes of data more than now; on Linux only.

    Args:
        more: Bytes; a lower limit that it has already stays.

    Raises:
        MemoryError: Within the block, or what else an allocation that fails raises, as soon as there is no more.
    """
    now = own_memory('VmData')
    if resource is None or not now:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [limit for limit in (now + more, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _available_in_limits() -> Iterator[int]:
    """What the limits of ``ulimit -v`` and ``ulimit -d`` leave."""
    if resource is not None:
        for limit, name in ((resource.RLIMIT_AS, 'VmSize'), (resource.RLIMIT_DATA, 'VmData')):
            soft, _ = resource.getrlimit(limit)
            if soft != resource.RLIM_INFINITY:
                yield soft - own_memory(name)


def _available_in_groups() -> Iterator[int]:
    """What the limit of each control group leaves that this process is in; one without a limit leaves what there is."""
    for line in _lines(_OWN_GROUPS):
        _, controllers, path = line.split(':', 2)
        if controllers and 'memory' not in controllers.split(','):
            continue
        root = _GROUPS / 'memory' if controllers else _GROUPS
        folder = root / path.lstrip('/')
        # In a container the path may be that of the host, and the root is the container's own group.
        for place in [folder, *folder.parents]:
            if not place.is_relative_to(root):
                break
            yield from _available_in(place, *(_VERSION_1 if controllers else _VERSION_2))


def _available_in(group: Path, limit: str, use: str, given_back: str) -> Iterator[int]:
    most, used = (''.join(_lines(group / name)).strip() for name in (limit, use))
    if most.isdigit() and used.isdigit():
        statistics = dict(line.split(maxsplit=1) for line in _lines(group / 'memory.stat'))
        yield int(most) - int(used) + int(statistics.get(given_back, 0))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
