"""Main memory that can be used, by what Linux says of the machine, of control groups and of limits."""

import pytest

from mmbackbones.utils import host_memory
from mmbackbones.utils.host_memory import available_memory, own_memory

GIB = 2**30


@pytest.fixture
def linux(tmp_path, monkeypatch):
    """Writes the files of Linux, by name, to a folder of their own, without limits of this process."""
    for name, path in (('_MEMINFO', 'meminfo'), ('_OWN_GROUPS', 'cgroup'), ('_GROUPS', 'groups')):
        monkeypatch.setattr(host_memory, name, tmp_path / path)
    monkeypatch.setattr(host_memory, '_available_in_limits', lambda: iter(()))

    def write(**files: str) -> None:
        for name, text in files.items():
            path = tmp_path / name.replace('__', '/').replace('_dot_', '.')
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write


def group(folder: str, limit: str, used: int, inactive: int, version: int = 2) -> dict[str, str]:
    names = {
        1: ('memory_dot_limit_in_bytes', 'memory_dot_usage_in_bytes', 'total_inactive_file'),
        2: ('memory_dot_max', 'memory_dot_current', 'inactive_file'),
    }[version]
    return {
        f'groups__{folder}{names[0]}': f'{limit}\n',
        f'groups__{folder}{names[1]}': f'{used}\n',
        f'groups__{folder}memory_dot_stat': f'anon 5\n{names[2]} {inactive}\nslab 7\n',
    }


def test_of_the_machine(linux):
    assert available_memory() is None
    linux(meminfo='MemTotal:       16000 kB\nMemFree: 1 kB\nMemAvailable:   12000 kB\n')
    assert available_memory() == 12000 * 1024


def test_of_the_smallest_control_group(linux):
    linux(meminfo=f'MemAvailable: {64 * 2**20} kB\n', cgroup='0::/jobs/7\n')
    linux(**group('jobs__7__', 'max', 5 * GIB, 0), **group('jobs__', str(32 * GIB), 10 * GIB, 2 * GIB))
    assert available_memory() == 24 * GIB
    linux(**group('jobs__7__', str(8 * GIB), 5 * GIB, GIB))
    assert available_memory() == 4 * GIB
    linux(**group('jobs__7__', str(8 * GIB), 9 * GIB, 0))
    assert available_memory() == 0


def test_of_version_1_in_a_container(linux):
    """The group has the path that the host gives it, and what is mounted is the group itself."""
    linux(meminfo=f'MemAvailable: {64 * 2**20} kB\n', cgroup='5:cpu:/x\n4:memory,hugetlb:/docker/abc\n0::/\n')
    linux(**group('memory__', str(6 * GIB), 2 * GIB, GIB, version=1))
    assert available_memory() == 5 * GIB
    linux(**group('memory__', str(2**63 - 4096), 2 * GIB, GIB, version=1))
    assert available_memory() == 64 * GIB


def test_of_limits(monkeypatch):
    monkeypatch.setattr(host_memory.resource, 'getrlimit', lambda limit: (own_memory('VmData') + 3 * GIB, -1))
    assert 0 < available_memory() <= 3 * GIB
    assert 2**20 < own_memory('VmRSS') < own_memory('VmSize')
    assert own_memory('VmNothing') == 0
