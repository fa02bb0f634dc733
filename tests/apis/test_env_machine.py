"""The machine: processor, memory, disks and the limits of containers."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from mmbackbones.apis.env import cgroup, machine, probe

LIMIT = 3 << 30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Writes files of control groups, and the line that says which group this process is in."""
    monkeypatch.setattr(cgroup, '_ROOT', tmp_path / 'cgroup')
    monkeypatch.setattr(cgroup, '_GROUPS', tmp_path / 'groups')

    def write(line: str, files: dict[str, str]) -> None:
        (tmp_path / 'groups').write_text(f'{line}\n')
        for name, text in files.items():
            path = tmp_path / 'cgroup' / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f'{text}\n')

    return write


@pytest.mark.parametrize(
    ('line', 'files', 'cpus', 'memory', 'used'),
    [
        ('0::/', {}, None, None, 0),
        ('0::/', {'cpu.max': 'max 100000', 'memory.max': 'max'}, None, None, 0),
        (
            '0::/a/b',  # the limit of the group around it
            {
                'a/cpu.max': '150000 100000',
                'a/b/cpu.max': 'max 100000',
                'a/memory.max': f'{LIMIT}',
                'a/memory.current': '1000',
                'a/memory.stat': 'anon 1\ninactive_file 400',
                'a/b/memory.max': f'{2 * LIMIT}',
            },
            1.5,
            LIMIT,
            600,
        ),
        (
            '4:cpu,memory:/docker/outside',  # a path of the machine outside the container
            {
                'cpu/cpu.cfs_quota_us': '200000',
                'cpu/cpu.cfs_period_us': '100000',
                'memory/memory.limit_in_bytes': f'{LIMIT}',
                'memory/memory.usage_in_bytes': '1000',
                'memory/memory.stat': 'cache 1\ntotal_inactive_file 300',
            },
            2.0,
            LIMIT,
            700,
        ),
        (
            '4:cpu,memory:/',
            {
                'cpu/cpu.cfs_quota_us': '-1',
                'cpu/cpu.cfs_period_us': '100000',
                'memory/memory.limit_in_bytes': '9223372036854771712',
            },
            None,
            None,
            0,
        ),
    ],
)
def test_limits_of_a_container(groups, line, files, cpus, memory, used):
    groups(line, files)
    assert (cgroup.cpu_limit(), cgroup.memory_limit(), cgroup.memory_used()) == (cpus, memory, used)


def test_memory_of_a_container(groups, monkeypatch):
    groups('0::/', {'memory.max': f'{LIMIT}', 'memory.current': '1000', 'cpu.max': '50000 100000'})
    lines = {'MemTotal': f'{LIMIT >> 9} kB', 'MemAvailable': f'{LIMIT >> 10} kB'}
    monkeypatch.setattr(machine, 'key_values', lambda path: lines)
    memory = machine.look_at_memory()
    assert (memory.total, memory.limit, memory.available) == (2 * LIMIT, LIMIT, LIMIT - 1000)
    assert machine.look_at_cpu().usable_cores == 0.5


@pytest.mark.parametrize(
    ('lines', 'instructions', 'bfloat16'),
    [
        ({'flags': 'sse avx2 avx512f avx512_bf16 amx_tile amx_bf16'}, 'AVX2 AVX-512 AVX-512_BF16 AMX AMX_BF16', 'fast'),
        ({'flags': 'avx2 avx512f avx512_bf16'}, 'AVX2 AVX-512 AVX-512_BF16', 'half the memory'),
        ({'flags': 'avx2 avx512f'}, 'AVX2 AVX-512', 'no instructions for it, and several'),
        ({'flags': 'avx2'}, 'AVX2', 'no instructions for it, and 10'),
        ({'Features': 'fp asimd bf16 sve'}, 'NEON SVE BF16', 'instructions for it (--amp), not'),
        ({'flags': 'sse2'}, '', 'no instructions for it'),
    ],
)
def test_processor(monkeypatch, lines, instructions, bfloat16):
    monkeypatch.setattr(machine, 'key_values', lambda path: lines)
    cpu = machine.look_at_cpu()
    assert cpu.instructions == [name.replace('_', ' ') for name in instructions.split()]
    assert cpu.bfloat16.startswith(bfloat16)


def test_processor_of_an_unknown_system(monkeypatch):
    monkeypatch.setattr(machine, 'key_values', lambda path: {})
    assert machine.look_at_cpu().instructions is None
    assert machine.look_at_cpu().bfloat16 == 'unknown'
    assert machine.look_at_cpu(['AVX2']).instructions == ['AVX2']


def test_folders(tmp_path):
    here, later = machine.look_at_folder(tmp_path), machine.look_at_folder(tmp_path / 'a' / 'b')
    assert (here.path, here.writable, later.path, later.writable) == (str(tmp_path), True, str(later.path), True)
    assert here.free is not None
    assert abs(here.free - later.free) < 1 << 30
    assert machine.look_at_folder(Path('/proc/nothing')).free is not None


@pytest.mark.parametrize(
    ('built_for', 'capability', 'supported'),
    [
        ('sm_75 sm_80 sm_90', (8, 6), True),  # machine code of an earlier one of the same series
        ('sm_75 sm_80 sm_90', (12, 0), False),
        ('sm_80 sm_90a compute_90', (12, 0), True),  # translated by the driver
        ('sm_80 sm_120', (7, 5), False),
        ('sm_86', (8, 0), False),
        ('sm_100a', (10, 0), True),
        ('sm_100a', (10, 3), False),  # code for exactly that one
    ],
)
def test_code_for_a_gpu(built_for, capability, supported):
    torch = SimpleNamespace(
        version=SimpleNamespace(cuda='12.8'), cuda=SimpleNamespace(get_arch_list=lambda: built_for.split())
    )
    gpu = SimpleNamespace(major=capability[0], minor=capability[1])
    assert probe._has_kernels(torch, gpu) is supported


@pytest.mark.parametrize(
    ('on_gpu', 'there', 'headers', 'said'),
    [
        (False, {'g++'}, True, "for --compile, g++ and Python's header files are there"),
        (False, {'gcc'}, True, '--compile cannot be used: PyTorch does not find g++'),
        (True, {'clang'}, True, "for --compile, clang and Python's header files are there"),
        (True, set(), False, "--compile cannot be used: PyTorch does not find gcc or clang and Python's header files"),
    ],
)
def test_compiler(on_gpu, there, headers, said, tmp_path, monkeypatch):
    monkeypatch.setattr(machine.sys, 'platform', 'linux')
    monkeypatch.setattr(machine.shutil, 'which', lambda name: f'/bin/{name}' if name in there else None)
    monkeypatch.setattr(machine.sysconfig, 'get_path', lambda name: str(tmp_path))
    for variable in ('CC', 'CXX'):
        monkeypatch.delenv(variable, raising=False)
    if headers:
        (tmp_path / 'Python.h').touch()
    assert machine.look_at_compiler(on_gpu) == said


def test_compiler_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv('CXX', str(tmp_path / 'c++'))
    assert str(tmp_path / 'c++') in machine.look_at_compiler(on_gpu=False)
