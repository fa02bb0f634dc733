"""Limits of the container that this process runs in: control groups of Linux, versions 1 and 2."""

from collections.abc import Iterator
from pathlib import Path

_ROOT = Path('/sys/fs/cgroup')
_GROUPS = Path('/proc/self/cgroup')
_MAX = 1 << 60  # bytes; version 1 writes a number of this size where there is no limit


def cpu_limit() -> float | None:
    """The number of processors whose time the container may use; None if there is no limit."""
    limits = []
    for folder in _folders('cpu'):
        quota, _, period = _read(folder / 'cpu.max').partition(' ')
        if not quota:
            quota, period = _read(folder / 'cpu.cfs_quota_us'), _read(folder / 'cpu.cfs_period_us')
        if quota.isdecimal() and period.isdecimal() and int(period):
            limits.append(int(quota) / int(period))
    return min(limits, default=None)


def memory_limit() -> int | None:
    """The bytes of memory that the container may use; None if there is no limit."""
    return min((limit for limit, _ in _memory()), default=None)


def memory_used() -> int:
    """The bytes in use under the tightest limit, without the file cache that the system would give back."""
    folder = min(_memory(), default=None)
    if folder is None:
        return 0
    stat = dict(line.split() for line in _read(folder[1] / 'memory.stat').splitlines() if len(line.split()) == 2)
    cache = stat.get('total_inactive_file', stat.get('inactive_file', '0'))
    used = _read(folder[1] / 'memory.current') or _read(folder[1] / 'memory.usage_in_bytes')
    return max(0, _number(used) - _number(cache))


def _memory() -> Iterator[tuple[int, Path]]:
    """Every limit of memory, and the folder that it stands in."""
    for folder in _folders('memory'):
        limit = _read(folder / 'memory.max') or _read(folder / 'memory.limit_in_bytes')
        if limit.isdecimal() and int(limit) < _MAX:
            yield int(limit), folder


def _folders(controller: str) -> Iterator[Path]:
    """The folders with this process's limits: of its own group and of those around it.

    Inside a container the path of the group may be that of the machine outside, which does not exist here; the limits
    then stand in the root folder, the last of these.
    """
    for line in _read(_GROUPS).splitlines():
        number, _, rest = line.partition(':')
        controllers, _, path = rest.partition(':')
        if number != '0' and controller not in controllers.split(','):
            continue
        root = _ROOT if number == '0' else _ROOT / controller
        group = root / path.lstrip('/')
        yield from (folder for folder in (group, *group.parents) if folder == root or root in folder.parents)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ''


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
